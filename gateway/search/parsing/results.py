"""The parameters that shape the result: order, page, includes, summaries.

See https://hl7.org/fhir/R4/search.html#return.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast, get_args

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.search.parameters import OWN, Kind
from gateway.search.parsing.chains import ClauseReader
from gateway.search.parsing.escaping import shown, unique
from gateway.search.query import Include, SortKey, Summary, Total

RESULT_PARAMETERS: Final = ("_count", "_elements", "_include", "_revinclude", "_sort", "_summary", "_total")

_TOTALS: Final = ("none", "estimate", "accurate")

COMMON: Final = "Basic"
"""A type with no more than the parameters and elements that every type has, and a few of its own."""

_REPEATED: Final = frozenset({"_include", "_revinclude"})
_UNSORTABLE: Final[frozenset[Kind]] = frozenset({"composite", "text"})
_ELEMENT: Final = re.compile(r"([A-Za-z][A-Za-z0-9]{0,63})(?:\[x\])?\Z")


@dataclass(slots=True)
class Results:
    """What has been asked for so far; None is not asked for."""

    count: int | None = None
    total: Total | None = None
    summary: Summary | None = None
    sort: tuple[SortKey, ...] | None = None
    elements: tuple[str, ...] | None = None
    includes: tuple[Include, ...] = ()
    asked: int = 0
    """How many includes; `_revinclude=*` is one."""


def is_result(name: str) -> bool:
    """True for the name of such a parameter, with or without modifier."""
    return name.partition(":")[0] in RESULT_PARAMETERS


def read_result(results: Results, types: Sequence[str], name: str, text: str, reader: ClauseReader) -> None:
    """Reads one parameter into `results`; raises `BadRequest` with its one fault.

    `types` are those searched, none for all of them.
    """
    code, colon, modifier = name.partition(":")
    if colon and (code not in _REPEATED or modifier != "iterate"):
        raise BadRequest(issue("search.modifier", parameter=code, modifier=shown(modifier)))
    if not text:
        raise BadRequest(issue("search.empty-value", parameter=code))
    if code in _REPEATED:
        found = _includes(types, text, reader, reverse=code == "_revinclude", iterate=bool(colon))
        results.includes = unique((*results.includes, *found))
        results.asked += 1 if name == "_revinclude" and text == "*" else len(found)
        if results.asked > reader.reading.limits.includes:
            raise BadRequest(issue("search.too-many", parameter=code, limit=reader.reading.limits.includes))
    elif getattr(results, code[1:]) is not None:
        raise BadRequest(issue("search.repeated", parameter=code))
    else:
        _read_once(results, types, code, text, reader)


def _read_once(results: Results, types: Sequence[str], code: str, text: str, reader: ClauseReader) -> None:
    if code == "_count":
        results.count = _count(text)
    elif code == "_total":
        results.total = cast(Total, _one_of(code, text, _TOTALS).replace("none", ""))
    elif code == "_summary":
        results.summary = cast(Summary, _one_of(code, text, get_args(Summary)))
    elif code == "_sort":
        results.sort = _sort(types, text, reader)
    else:
        results.elements = _elements(types, text, reader)


def _one_of(code: str, text: str, allowed: Sequence[str]) -> str:
    if text not in allowed:
        raise BadRequest(issue("search.value", parameter=code, expected=" or ".join(allowed)))
    return text


def _count(text: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= 9:
        return int(text)
    raise BadRequest(issue("search.value", parameter="_count", expected="a whole number from 0"))


def _sort(types: Sequence[str], text: str, reader: ClauseReader) -> tuple[SortKey, ...]:
    keys = [SortKey(part.removeprefix("-"), part.startswith("-")) for part in text.split(",")]
    limit = reader.reading.limits.sort
    if len(keys) > limit:
        raise BadRequest(issue("search.too-many", parameter="_sort", limit=limit))
    for key in keys:
        for type in types or (COMMON,):
            is_common = bool(types) or key.parameter.startswith("_")
            if key.parameter not in OWN and (
                not is_common or reader.parameter(type, key.parameter).kind in _UNSORTABLE
            ):
                raise BadRequest(issue("search.sort", parameter=shown(key.parameter)))
    if len({key.parameter for key in keys}) < len(keys):
        raise BadRequest(issue("search.repeated", parameter="_sort"))
    return tuple(keys)


def _elements(types: Sequence[str], text: str, reader: ClauseReader) -> tuple[str, ...]:
    found: list[str] = []
    for part in text.split(","):
        matched = _ELEMENT.match(part)
        if not matched or not any(
            reader.reading.parameters.has_element(type, matched[1]) for type in types or (COMMON,)
        ):
            expected = "the names of elements at the top of the resource"
            raise BadRequest(issue("search.value", parameter="_elements", expected=expected))
        found.append(matched[1])
    return unique(found)


def _includes(
    types: Sequence[str], text: str, reader: ClauseReader, *, reverse: bool, iterate: bool
) -> list[Include]:
    """The includes of one value, `Type:code`, `Type:code:Target`, `Type:*` or `*`."""
    name = "_revinclude" if reverse else "_include"
    parts = text.split(":")
    if parts == ["*"] and types and not (reverse and iterate):
        sources = sorted(reader.reading.parameters.types) if reverse else types
        return [
            one for source in sources for one in _wildcard(types, source, reader, reverse=reverse, iterate=iterate)
        ]
    if len(parts) not in (2, 3) or not all(reader.reading.parameters.is_type(one) for one in (parts[0], *parts[2:])):
        expected = "Type:parameter, Type:parameter:Target or Type:*"
        raise BadRequest(issue("search.value", parameter=name, expected=expected))
    source, code, *target = parts
    if not reverse and not iterate and types and source not in types:
        raise BadRequest(issue("search.include", parameter=name, type=source))
    if code == "*" and not target:
        return _wildcard(types, source, reader, reverse=reverse, iterate=iterate)
    parameter = reader.reference(source, code)
    wanted = target or (types if reverse and not iterate else ())
    if wanted and not set(wanted) & parameter.targets:
        raise BadRequest(issue("search.no-target", parameter=code, type=source, target=wanted[0]))
    return [Include(source, code, target[0] if target else None, reverse, iterate)]


def _wildcard(
    types: Sequence[str], source: str, reader: ClauseReader, *, reverse: bool, iterate: bool
) -> list[Include]:
    """Every reference of the source; in reverse, those that may lead to what is searched."""
    targets = types if reverse and not iterate else ()
    codes = reader.reading.parameters.leading_to(source, targets)
    return [Include(source, code, None, reverse, iterate) for code in codes]
