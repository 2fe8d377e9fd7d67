"""The index entries of a resource: what each search parameter finds it by."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice, product
from typing import Any, Final

from gateway.core import Resource
from gateway.fhirpath import Expression, FhirPathError
from gateway.search.entries import ComponentEntry, CompositeEntry, IndexEntry, PresentEntry
from gateway.search.indexing.dates import add_dates
from gateway.search.indexing.full_text import add_text
from gateway.search.indexing.numbers import add_numbers, add_quantities
from gateway.search.indexing.references import add_references
from gateway.search.indexing.strings import add_strings, add_uris
from gateway.search.indexing.tokens import add_tokens
from gateway.search.parameters import Indexed, Kind, Parameters
from gateway.search.paths import walked

MAX_COMBINATIONS: Final = 100
"""How many entries one place of a composite gives at most."""


def extract(resource: Resource, parameters: Parameters) -> tuple[IndexEntry, ...]:
    """The entries of the resource, in the order of its parameters; `_id` and `_lastUpdated` are no entries.

    Values that cannot be indexed (a date that is none, an identifier without value) give no entry, and neither does
    a parameter whose expression fails on the resource.
    """
    return entries_of(resource, parameters.told_by(resource))


def entries_of(resource: Resource, told: Iterable[Indexed]) -> tuple[IndexEntry, ...]:
    """The entries of some parameters; see `extract`."""
    entries: list[IndexEntry] = []
    results: dict[str, list[Any]] = {}
    for parameter in told:
        if parameter.kind == "composite":
            _add_composite(entries, parameter, resource)
        elif parameter.kind == "text":
            add_text(entries, parameter, resource)
        elif parameter.expression is not None:
            text = parameter.expression.text
            values = results.get(text)
            if values is None:
                values = results[text] = values_of(parameter, resource)
            if values:
                if parameter.details and parameter.kind != "reference":
                    entries.append(PresentEntry(parameter.code))
                _ADDERS[parameter.kind](entries, parameter, values)
    return tuple(entries)


def values_of(parameter: Indexed, resource: Resource) -> list[Any]:
    """The values that a parameter is told by; none for a composite or a full text."""
    found = walked(resource, parameter.walks) if parameter.walks else None
    if found is not None:
        return [_inner(value) if value.__class__ is dict and "url" in value else value for value in found]
    return _values(parameter.expression, resource) if parameter.expression is not None else []


def _values(expression: Expression, focus: Any) -> list[Any]:
    """What the expression gives; the value of an extension instead of the extension."""
    try:
        found = expression.evaluate(focus)
    except FhirPathError:
        return []
    return [_inner(value) if value.__class__ is dict and "url" in value else value for value in found]


def _inner(value: dict[str, Any]) -> Any:
    return next((value[name] for name in value if name.startswith("value") and len(name) > 5), value)


def _add_composite(entries: list[IndexEntry], parameter: Indexed, resource: Resource) -> None:
    before = len(entries)
    for focus in parameter.focuses:
        for place in _values(focus.expression, resource):
            groups = [_component(component, place) for component in focus.components]
            entries += [CompositeEntry(parameter.code, group) for group in islice(product(*groups), MAX_COMBINATIONS)]
    if parameter.details and len(entries) > before:
        entries.insert(before, PresentEntry(parameter.code))


def _component(component: Indexed, place: Any) -> list[ComponentEntry]:
    if component.expression is None or not isinstance(place, dict):
        return []
    if component.roots is not None and component.roots.isdisjoint(place):
        return []
    found: list[Any] = []
    _ADDERS[component.kind](found, component, _values(component.expression, place))
    return found


_ADDERS: Final[dict[Kind, Callable[[list[IndexEntry], Indexed, Sequence[Any]], None]]] = {
    "token": add_tokens,
    "reference": add_references,
    "date": add_dates,
    "number": add_numbers,
    "quantity": add_quantities,
    "string": add_strings,
    "uri": add_uris,
}
