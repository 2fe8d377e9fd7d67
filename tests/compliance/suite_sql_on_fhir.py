"""The official SQL on FHIR tests: each view's rows, in any order, or its refusal."""

from collections import Counter
from decimal import Decimal
from typing import Any

from gateway.core import loads
from gateway.core.errors import FhirError
from gateway.export.views import compile_view, read_view
from tests.compliance.official import folder

NAME = "sql-on-fhir"


def run() -> tuple[int, int, list[str]]:
    """Passed, total and one line for each test with other rows."""
    total, misses = 0, []
    for path in sorted(folder("sql-on-fhir").glob("*.json")):
        suite = loads(path.read_bytes())
        for test in suite["tests"]:
            total += 1
            miss = _miss(test, suite["resources"])
            if miss:
                misses.append(f"{path.stem}: {test['title']}: {miss}")
    return total - len(misses), total, misses


def _miss(test: dict[str, Any], resources: list[dict[str, Any]]) -> str:
    try:
        view = compile_view(read_view(test["view"]))
        rows = [row for one in resources if one["resourceType"] == view.view.resource for row in view.rows(one)]
    except FhirError as error:
        return "" if test.get("expectError") else f"refused, {error}"
    if test.get("expectError"):
        return "not refused"
    names = list(view.view.names)
    if names != test.get("expectColumns", names):
        return f"columns {names}"
    found = Counter(_comparable(dict(zip(names, row, strict=True))) for row in rows)
    return "" if found == Counter(map(_comparable, test["expect"])) else "other rows"


def _comparable(row: dict[str, Any]) -> tuple[Any, ...]:
    """The cells by name; a number by its value, and not as the truth value that Python takes for equal."""
    return tuple(sorted((name, _cell(value)) for name, value in row.items()))


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_cell, value))}]"
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return format(Decimal(value).normalize(), "f")
    return repr(value)
