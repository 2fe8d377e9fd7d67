"""Pages that are generated are up to date, links lead somewhere, ADRs are numbered once."""

import re
from pathlib import Path

import pytest

from docs.reference import fhirpath_functions, interactions, rules, search, settings
from tests.architecture.sources import ROOT, tracked

PAGES = tracked(".md")


def test_generated_pages_are_up_to_date() -> None:
    for module in (fhirpath_functions, interactions, rules, search, settings):
        assert module.__file__
        file = Path(module.__file__)
        written = file.with_name(f"{file.stem.replace('_', '-')}.md").read_text("utf-8")
        assert written == module.page(), f"run `python -m {module.__name__}`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_decisions_are_numbered_once() -> None:
    numbers = [path.name[:4] for path in sorted((ROOT / "docs/adr").glob("*.md"))]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_the_readme_starts_with_the_two_commands() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert [line.split()[:2] for line in lines[2:4]] == [["make", "demo"], ["make", "test"]]
