"""Every directive of the mapping language has an example that shows what it does.

The directives come from `mappings/mapping.schema.json`, the functions from the engine. A file names those that it is
about in its `# shows:` lines. Its tests hold; those called `wrong: ...` fail. And each directive counts: without it,
or with another word in its place, the file is refused or a test fails.
"""

import re
import shutil
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gateway.conformance import Validator
from gateway.core import dumps
from gateway.core.assets import asset_root
from gateway.core.yaml import load
from gateway.definitions import r4
from gateway.fhirpath import compile
from gateway.fhirpath.syntax import nodes
from gateway.mapping.functions import function_set
from gateway.mapping.language.load import Surroundings
from gateway.mapping.registry import read_mapping
from gateway.mapping.tools.selftest import run_tests
from gateway.terminology import LocalTerminology
from tests.golden.directives import directives

FOLDER = Path(__file__).parent / "mapping_directives"
CASES = sorted(FOLDER.glob("*.yaml"))

TELLS = frozenset({"describe", "documentation", "license", "consent", "consent.scope", "provenance", "tests.name"})
"""What is written for people; nothing comes of it."""

HOLDS = frozenset({"status", "source.members", "tests", "tests.expect"}) | {f"tests.expect.{name}" for name in
    ("resources", "match", "where", "valid", "issues", "issues.code", "issues.at", "idempotent")}  # fmt: skip
"""What is shown by tests that must fail, or by the registry: retired mappings take no payload, and members are parted
where several mappings read one (tests/unit/mapping/test_parts.py)."""


def shown(text: str) -> list[str]:
    found = re.match(r"# shows:((?: \S+)*(?:\n#(?: +\S+)+)*)\n", text)
    return [name for name in (found.group(1).split() if found else []) if name != "#"]


@cache
def around() -> Surroundings:
    return Surroundings(r4(), LocalTerminology(r4()), (asset_root("terminology"),))


@cache
def validator() -> Validator:
    return Validator(r4(), LocalTerminology(r4()))


def validate(resource: Any, profiles: Any) -> Any:
    return [found for found in validator().validate(resource, profiles) if profiles]


def failures(tree: Any, folder: Path) -> list[str]:
    """What the tests of a mapping tree find; the faults of a file that is refused."""
    folder.joinpath("mapping.yaml").write_bytes(dumps(tree))
    mapping, issues = read_mapping(folder, "directive", around())
    if mapping is None:
        return [f"{found.rule} {found.message}" for found in issues if found.blocks]
    results = run_tests(mapping, folder, validate)
    return [
        f"{result.name}: {result.problems}"
        for result in results
        if bool(result.problems) is not result.name.startswith("wrong: ")
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for file in FOLDER.iterdir():
        if file.suffix != ".yaml":
            shutil.copy(file, tmp_path / file.name)
    return tmp_path


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_example_holds_and_each_directive_counts(path: Path, folder: Path) -> None:
    text = path.read_text("utf-8")
    tree = load(text).tree
    assert failures(tree, folder) == []
    assert shown(text)
    for name in (name for name in shown(text) if not name.endswith("()")):
        changed = list(mutations(tree, name))
        assert changed, f"{name} is not used"
        if name.partition("=")[0] not in TELLS | HOLDS:
            assert any(failures(other, folder) for other in changed), f"{name} makes no difference"


def mutations(tree: Any, directive: str) -> Iterator[Any]:
    """The tree without the directive, and with each other word in the place of the directive's."""
    name, _, word = directive.partition("=")
    path = name.split(".")
    words = [one.partition("=")[2] for one in directives() if one.startswith(f"{name}=") and one != directive]
    for replacement in (None, *words, *(["another"] if words or word else ())):
        copy = deepcopy(tree)
        if change(copy, path, word, replacement):
            yield copy


def change(node: Any, path: list[str], word: str, replacement: str | None) -> bool:
    """Takes out, or replaces, what is at the path; below a resource a name may be at any depth."""
    if isinstance(node, list):
        return sum(change(item, path, word, replacement) for item in node) > 0
    if not isinstance(node, dict):
        return False
    found = False
    for key in list(node):
        if key == path[0] and len(path) == 1 and (not word or node[key] == word):
            found = True
            if replacement is None:
                del node[key]
            else:
                node[key] = replacement
        elif key == path[0]:
            found |= change(node[key], path[1:], word, replacement) if len(path) > 1 else False
        elif path[0] in TEMPLATE or key not in KNOWN:
            found |= change(node[key], path, word, replacement)
    return found


TEMPLATE = frozenset({"series", "value[x]", "foreach", "when"})
KNOWN = frozenset(name.rpartition(".")[2] for name in directives())


def test_every_directive_has_an_example() -> None:
    told = [name for path in CASES for name in shown(path.read_text("utf-8")) if not name.endswith("()")]
    assert set(told) == set(directives())
    assert len(told) == len(set(told))


def test_every_function_has_an_example() -> None:
    told: list[str] = []
    for path in CASES:
        names = [name for name in shown(path.read_text("utf-8")) if name.endswith("()")]
        used = {name for text in expressions(load(path.read_text("utf-8")).tree) for name in called(text)}
        assert {name.removesuffix("()") for name in names} <= used
        told += names
    assert sorted(told) == sorted(f"{name}()" for name in function_set({}, {}, False))


def called(text: str) -> Iterator[str]:
    waiting: list[nodes.Expr] = [compile(text, model=None, functions=function_set({}, {}, False)).ast]
    while waiting:
        node = waiting.pop()
        if isinstance(node, nodes.Call):
            yield node.name
        waiting += nodes.children(node)


def expressions(node: Any) -> Iterator[str]:
    if isinstance(node, str) and node.startswith("=") and not node.startswith("=="):
        yield node[1:]
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from expressions(child)


def test_the_reference_page_knows_every_directive_and_function() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "reference", "mapping-language.md").read_text("utf-8")
    words = {word for name in directives() for word in name.replace("=", ".").split(".")}
    words |= {f"{name}(" for name in function_set({}, {}, False)}
    assert {word for word in words if word not in page} == set()
