"""The clause of one parameter without chain: its modifier and its values, by kind.

See https://hl7.org/fhir/R4/search.html#modifiers.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.search.parameters import Indexed, Kind, Parameters
from gateway.search.parsing import values
from gateway.search.parsing.codes import in_hierarchy, in_value_set, spoken
from gateway.search.parsing.escaping import is_usable, shown, split, unescape, unique
from gateway.search.parsing.limits import Limits
from gateway.search.parsing.references import targets
from gateway.search.query import (
    Clause,
    ComponentClause,
    CompositeClause,
    DateClause,
    IdClause,
    MissingClause,
    NotClause,
    NumberClause,
    OfTypeClause,
    QuantityClause,
    ReferenceClause,
    ReferenceIdentifierClause,
    StringClause,
    TextClause,
    Token,
    TokenClause,
    TokenTextClause,
    UriClause,
)
from gateway.terminology import Terminology

_T = TypeVar("_T")

MODIFIERS: Final[dict[Kind, tuple[str, ...]]] = {
    "token": ("missing", "not", "text", "in", "not-in", "above", "below", "of-type"),
    "reference": ("missing", "identifier"),
    "date": ("missing",),
    "number": ("missing",),
    "quantity": ("missing",),
    "string": ("missing", "exact", "contains"),
    "uri": ("missing", "above", "below"),
    "composite": (),
    "text": (),
}
"""The modifiers that are understood by kind; references also take the name of a type."""

LISTED: Final = frozenset({"token", "reference"})
"""Kinds whose values are looked up together and not compared one by one."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a parameter depends on. `now` is microseconds, None when approximate dates know no present."""

    parameters: Parameters
    base: str
    limits: Limits
    terminology: Terminology | None = None
    now: int | None = None


def own_clause(code: str, modifier: str | None, text: str, reading: Reading) -> Clause:
    """The clause of `_id` or `_lastUpdated`."""
    if modifier not in ((None, "not") if code == "_id" else (None,)):
        raise BadRequest(issue("search.modifier", parameter=code, modifier=shown(modifier or "")))
    if code == "_lastUpdated":
        parts = _parts(code, text, reading.limits.compared)
        return _told(code, lambda: DateClause(code, _each(parts, lambda part: values.moment(part, reading.now))))
    ids = IdClause(_told(code, lambda: _each(_parts(code, text, reading.limits.values), values.logical_id)))
    return NotClause(ids) if modifier else ids


def clause(parameter: Indexed, modifier: str | None, text: str, reading: Reading) -> Clause:
    """The clause of a parameter; raises `BadRequest` with its one fault."""
    code, limits = parameter.code, reading.limits
    allowed = modifier in MODIFIERS[parameter.kind] or (
        parameter.kind == "reference" and modifier in parameter.targets
    )
    if modifier is not None and not allowed:
        raise BadRequest(issue("search.modifier", parameter=code, modifier=shown(modifier)))
    if modifier == "missing":
        if text not in ("true", "false"):
            raise BadRequest(issue("search.value", parameter=code, expected="true or false"))
        return MissingClause(code, missing=text == "true")
    parts = _parts(code, text, limits.values if parameter.kind in LISTED else limits.compared)
    return _told(code, lambda: _READERS[parameter.kind](parameter, modifier, parts, reading))


def _told(code: str, read: Callable[[], _T]) -> _T:
    try:
        return read()
    except ValueError as expected:
        raise BadRequest(issue("search.value", parameter=code, expected=expected)) from None


def _parts(code: str, text: str, limit: int) -> list[str]:
    parts = split(text, ",")
    if len(parts) > limit:
        raise BadRequest(issue("search.too-many", parameter=code, limit=limit))
    if not all(parts):
        raise BadRequest(issue("search.empty-value", parameter=code))
    if not is_usable(text):
        raise BadRequest(issue("search.value", parameter=code, expected="text without NUL and unpaired surrogates"))
    return parts


def _each(parts: Iterable[str], read: Callable[[str], _T]) -> tuple[_T, ...]:
    return unique(read(part) for part in parts)


def _token(parameter: Indexed, modifier: str | None, parts: list[str], reading: Reading) -> Clause:
    code = parameter.code
    if modifier == "text":
        return TokenTextClause(code, _each(parts, values.string))
    if modifier == "of-type":
        return OfTypeClause(code, _each(parts, values.of_type))
    if modifier in ("in", "not-in", "above", "below"):
        found: Clause = TokenClause(code, _expanded(parameter, modifier, parts, reading))
        return NotClause(found) if modifier == "not-in" else found
    found = _plain_tokens(parameter, parts)
    return NotClause(found) if modifier == "not" else found


def _expanded(parameter: Indexed, modifier: str, parts: list[str], reading: Reading) -> tuple[Token, ...]:
    """The codes that the values stand for, all together within the limit."""
    limits, known = reading.limits, reading.parameters
    if len(parts) > limits.compared:
        raise BadRequest(issue("search.too-many", parameter=parameter.code, limit=limits.compared))
    found: dict[Token, None] = {}
    for part in parts:
        if modifier in ("in", "not-in"):
            tokens = in_value_set(part, parameter, reading.terminology, limits)
        else:
            tokens = in_hierarchy(part, parameter, known, limits, below=modifier == "below")
        found |= dict.fromkeys(tokens)
        if len(found) > 2 * limits.expanded:  # a code may be there with its system and without
            raise BadRequest(issue("search.too-many", parameter=parameter.code, limit=limits.expanded))
    return tuple(found)


def _plain_tokens(parameter: Indexed, parts: list[str]) -> Clause:
    asked = [values.token(part, folded=parameter.folded) for part in parts]
    if any(one.code is None and one.system in parameter.systems for one in asked):
        return MissingClause(parameter.code, missing=False)
    return TokenClause(parameter.code, unique(meant for one in asked for meant in spoken(one, parameter)))


def _reference(parameter: Indexed, modifier: str | None, parts: list[str], reading: Reading) -> Clause:
    if modifier == "identifier":
        return ReferenceIdentifierClause(parameter.code, _each(parts, values.token))
    types = parameter.targets if modifier is None else (modifier,)
    found = [target for part in parts for target in targets(part, types, reading.base)]
    if parameter.is_canonical and modifier is None:
        found += [unescape(part) for part in parts]
    return ReferenceClause(parameter.code, unique(found))


def _date(parameter: Indexed, _: str | None, parts: list[str], reading: Reading) -> Clause:
    return DateClause(parameter.code, _each(parts, lambda part: values.moment(part, reading.now)))


def _number(parameter: Indexed, _: str | None, parts: list[str], __: Reading) -> Clause:
    return NumberClause(parameter.code, _each(parts, values.number))


def _quantity(parameter: Indexed, _: str | None, parts: list[str], __: Reading) -> Clause:
    return QuantityClause(parameter.code, _each(parts, values.quantity))


def _string(parameter: Indexed, modifier: str | None, parts: list[str], _: Reading) -> Clause:
    if modifier == "exact":
        return StringClause(parameter.code, _each(parts, unescape), "exact")
    return StringClause(parameter.code, _each(parts, values.string), "contains" if modifier else "starts")


def _uri(parameter: Indexed, modifier: str | None, parts: list[str], _: Reading) -> Clause:
    if modifier is None:
        return UriClause(parameter.code, _each(parts, unescape))
    return UriClause(
        parameter.code, _each(parts, values.hierarchical_uri), "below" if modifier == "below" else "above"
    )


def _text(parameter: Indexed, _: str | None, parts: list[str], reading: Reading) -> Clause:
    found = (phrase for part in parts for phrase in values.phrases(part, reading.limits.words))
    return TextClause("_text" if parameter.code == "_text" else "_content", unique(found))


def _composite(parameter: Indexed, _: str | None, parts: list[str], reading: Reading) -> Clause:
    components = parameter.focuses[0].components
    return CompositeClause(parameter.code, _each(parts, lambda part: _together(part, components, reading)))


def _together(part: str, components: tuple[Indexed, ...], reading: Reading) -> tuple[ComponentClause, ...]:
    pieces = split(part, "$")
    if len(pieces) != len(components) or not all(pieces):
        raise ValueError("$".join(component.code for component in components))
    found: list[ComponentClause] = []
    for component, piece in zip(components, pieces, strict=True):
        one = _READERS[component.kind](component, None, [piece], reading)
        if isinstance(one, ComponentClause):
            found.append(one)
    return tuple(found)


_READERS: Final[dict[Kind, Callable[[Indexed, str | None, list[str], Reading], Clause]]] = {
    "token": _token,
    "reference": _reference,
    "date": _date,
    "number": _number,
    "quantity": _quantity,
    "string": _string,
    "uri": _uri,
    "composite": _composite,
    "text": _text,
}
