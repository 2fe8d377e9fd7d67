"""`map test`: the tests in a mapping file and the examples beside it."""

from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli._map.chosen import chosen, compiled_mapping, validation
from gateway.cli._map.pace import paced
from gateway.cli.console import show_issues, write_json, write_line

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from gateway.mapping import Mapping
    from gateway.mapping.tools.selftest import Validate


def run_all(wanted: list[str] | None, update: bool, as_json: bool) -> int:
    """Prints what fails; the exit code, 1 when anything does. With `update` the examples' files are written first."""
    from gateway.mapping.tools.selftest import Tested

    failed = total = 0
    validate = validation()
    for name, folder in paced(chosen(wanted), "mappings"):
        mapping = compiled_mapping(name, folder)
        for written in update_examples(mapping, folder) if update else ():
            write_json({"written": str(written)}) if as_json else write_line(f"written {written}")
        for label, problems in _results(mapping, folder, validate):
            total += 1
            failed += bool(problems)
            if as_json:
                write_json({"mapping": name, "test": label, "problems": problems})
            else:
                show_issues(Tested(label, tuple(problems)).issues, name)
    if not as_json:
        write_line(f"{total - failed}/{total} tests passed")
    return int(failed > 0)


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
