"""`map test`: the tests in a mapping file and the examples beside it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli._map.chosen import chosen, compiled_mapping, validation
from gateway.cli._map.pace import paced
from gateway.cli.console import show_issues, write_json, write_line

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from gateway.core import Issue
    from gateway.mapping import Mapping
    from gateway.mapping.tools.selftest import Validate


def run_all(wanted: list[str] | None, update: bool, as_json: bool) -> int:
    """Prints what fails; the exit code, 1 when anything does. With `update` the examples' files are written first."""
    from gateway.core.errors import Unprocessable
    from gateway.mapping.tools.selftest import Tested

    failed = total = 0
    validate = validation()
    for name, folder in paced(chosen(wanted), "mappings"):
        try:
            mapping = compiled_mapping(name, folder)
        except Unprocessable as error:
            failed, total = failed + 1, total + 1
            _show_refused(name, error.issues, as_json)
            continue
        for written in update_examples(mapping, folder) if update else ():
            write_json({"written": str(written)}) if as_json else write_line(f"written {written}")
        lines = _lines(name, folder, len(mapping.tests))
        for number, (label, problems) in enumerate(_results(mapping, folder, validate)):
            total += 1
            failed += bool(problems)
            if as_json:
                write_json({"mapping": name, "test": label, "problems": problems})
            elif problems:
                place = lines[number] if number < len(lines) else ""
                issues = Tested(label, tuple(problems)).issues
                show_issues((replace(one, mapping=place) for one in issues), name)
    if not as_json:
        write_line(f"{total - failed}/{total} tests passed")
    return int(failed > 0)


def _show_refused(name: str, issues: "Sequence[Issue]", as_json: bool) -> None:
    """Tells the faults of a mapping file, none of whose tests can run: they count as one that failed."""
    if as_json:
        write_json({"mapping": name, "test": "", "problems": [f"{one.rule} at {one.mapping}" for one in issues]})
    else:
        show_issues(issues)


def _lines(name: str, folder: "Traversable", count: int) -> list[str]:
    """Where the tests of a mapping file stand in it, in their order."""
    from gateway.core.yaml import load
    from gateway.mapping.language.load import FILE_NAME

    file = folder.joinpath(FILE_NAME)
    document = load(file.read_text("utf-8")) if count else None
    places = [document.position(("tests", number, "name")) for number in range(count)] if document else []
    return [f"{name}/{FILE_NAME}:{line}:{column}" for line, column in places]


def _results(mapping: "Mapping", folder: "Traversable", validate: "Validate") -> list[tuple[str, list[str]]]:
    from gateway.mapping.tools.examples import cases, problems, run_example
    from gateway.mapping.tools.selftest import run_tests

    found = [(result.name, list(result.problems)) for result in run_tests(mapping, folder, validate)]
    for case in cases(folder):
        example = run_example(mapping, case)
        invalid = [
            f"invalid {resource['resourceType']}: {one.rule} at {one.expression}"
            for resource in example.resources
            for one in validate(resource, ())
            if one.blocks
        ]
        found.append((f"examples/{case.name}", problems(example, case) + invalid))
    return found


def update_examples(mapping: "Mapping", folder: "Traversable") -> list[Path]:
    """Writes what the examples make beside them; the files that are new or have changed. They want to be read."""
    from gateway.mapping.tools.examples import cases, run_example

    written = []
    for case in cases(folder):
        for name, text in run_example(mapping, case).files.items():
            path = Path(str(case), name)
            old = path.read_text("utf-8") if path.is_file() else ""
            if text == old:
                continue
            if text:
                path.write_text(text, "utf-8")
            else:
                path.unlink()
            written.append(path)
    return written
