"""Compares an answer with a template of the terminology tests.

A template is a resource in which `$id$`, `$uuid$`, `$instant$` and the like stand for any such value,
`$choice:a|b$` for one of several, `$external:n:text$` for another server's own words, `$fragments:a|b$` for a text
with these parts; `$optional$` marks an element, and `$optional-properties$` names properties, that may be missing.
Lists are compared without regard to order. Texts (`message`, `details.text`) are compared apart.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from gateway.core.issues import RULE_SYSTEM

OPTIONAL = "$optional$"
OPTIONAL_PROPERTIES = "$optional-properties$"

PATTERNS = {
    "$$": r".*",
    "$id$": r"[A-Za-z0-9.-]{1,64}",
    "$uuid$": r"urn:uuid:[0-9a-f-]{36}",
    "$instant$": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
    "$date$": r"\d{4}(-\d\d(-\d\d(T.*)?)?)?",
    "$string$": r".+",
    "$token$": r"\S+",
    "$url$": r"\S+:\S+",
    "$version$": r".+",
    "$semver$": r"\d+\.\d+(\.\d+)?.*",
}

APART = ("location", "extension", "diagnostics")
"""Of an issue: deprecated, another server's message ids, and hints; not compared."""


def differences(expected: Any, actual: Any, *, more: bool = False) -> list[str]:
    """Where `actual` is not what the template says, texts aside; empty when it is.

    `more` lets it say more than the template.
    """
    found = _compare(_prepared(expected), _prepared(actual), "")
    return [text for text in found if not (more and text.endswith("not expected"))]


def texts(tree: Any) -> list[str]:
    """The messages and the texts of issues in a resource, in the order of the alphabet."""
    return sorted(_texts(tree))


def same_text(expected: str, actual: str) -> bool:
    """Whether a text is what the template says."""
    return _matches(expected, actual)


def _texts(tree: Any) -> Iterator[str]:
    if isinstance(tree, list):
        for item in tree:
            yield from _texts(item)
    elif isinstance(tree, dict) and tree.get(OPTIONAL) is None:
        if tree.get("name") == "message" and "valueString" in tree:
            yield tree["valueString"]
        elif "severity" in tree and "details" in tree:
            yield tree["details"].get("text", "")
        else:
            for value in tree.values():
                yield from _texts(value)


def _prepared(tree: Any) -> Any:
    """The tree without what is compared apart."""
    if isinstance(tree, list):
        return [_prepared(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if "severity" in tree and "code" in tree:
        codings = [coding for coding in tree.get("details", {}).get("coding", ()) if coding["system"] != RULE_SYSTEM]
        kept = {name: value for name, value in tree.items() if name not in (*APART, "details")}
        return kept | {"codings": codings}
    if tree.get("name") == "message":
        return {**tree, "valueString": "$$"} if "valueString" in tree else tree
    return {name: _prepared(value) for name, value in tree.items()}


def _compare(expected: Any, actual: Any, path: str) -> Iterator[str]:
    if isinstance(expected, dict):
        if isinstance(actual, dict):
            yield from _compare_objects(expected, actual, path)
        else:
            yield f"{path}: an object is missing"
    elif isinstance(expected, list):
        yield from _compare_lists(expected, actual if isinstance(actual, list) else [], path)
    elif isinstance(expected, str) and isinstance(actual, str):
        if expected != actual and not _matches(expected, actual):
            yield f"{path}: {actual!r} for {expected!r}"
    elif expected is not actual and not _same_number(expected, actual):
        yield f"{path}: {actual!r} for {expected!r}"


def _compare_objects(expected: dict[str, Any], actual: dict[str, Any], path: str) -> Iterator[str]:
    optional = expected.get(OPTIONAL_PROPERTIES, [])
    for name, value in expected.items():
        if name in (OPTIONAL, OPTIONAL_PROPERTIES):
            continue
        if name in actual:
            yield from _compare(value, actual[name], f"{path}.{name}")
        elif name not in optional and not _is_optional(value):
            yield f"{path}.{name}: missing"
    for name in actual:
        if name not in expected and name not in optional:
            yield f"{path}.{name}: not expected"


def _compare_lists(expected: list[Any], actual: list[Any], path: str) -> Iterator[str]:
    left = list(actual)
    for template in expected:
        found = next((item for item in left if not any(_compare(template, item, path))), None)
        if found is not None:
            left.remove(found)
        elif not _is_optional(template):
            near = [item for item in left if isinstance(item, dict) and _label(item) == _label(template)]
            detail = next(iter(_compare(template, near[0], f"{path}[{_label(template)}]")), "") if near else ""
            yield detail or f"{path}: {_label(template)} missing"
    for item in left:
        yield f"{path}: {_label(item)} not expected"


def _label(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    named = item.get("name") or item.get("code") or item.get("url") or item.get("type") or ""
    return f"{named} {item.get('valueCode', item.get('valueUri', ''))}".strip()


def _is_optional(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_optional(item) for item in value)
    return isinstance(value, dict) and bool(value.get(OPTIONAL))


def _same_number(expected: Any, actual: Any) -> bool:
    numbers = int | Decimal
    if isinstance(expected, bool) or isinstance(actual, bool):
        return False
    return isinstance(expected, numbers) and isinstance(actual, numbers) and expected == actual


def _matches(expected: str, actual: str) -> bool:
    if expected == actual:
        return True
    rest = expected.strip("$").partition(":")[2]
    if expected.startswith("$choice:"):
        return actual in rest.split("|")
    if expected.startswith("$external:"):
        return rest.partition(":")[2] in actual
    if expected.startswith("$fragments:"):
        return all(part in actual for part in rest.split("|"))
    pattern = re.escape(expected)
    for name, meaning in PATTERNS.items():
        pattern = pattern.replace(re.escape(name), meaning)
    return re.fullmatch(pattern, actual, re.DOTALL) is not None
