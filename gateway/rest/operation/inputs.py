"""The inputs of an operation, from a query string or a Parameters resource, against its declaration.

See https://hl7.org/fhir/R4/operations.html#request and https://hl7.org/fhir/R4/parameters.html.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from gateway.core.codec import loads
from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.rest.operation.declaration import Inputs, Operation, Parameter

_TEXTS = frozenset({"string", "code", "uri", "url", "canonical", "id", "markdown", "oid", "uuid"})
_MOMENT = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?)?)?\Z")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,9})\Z")


def inputs_of_query(operation: Operation, pairs: Iterable[tuple[str, str]]) -> Inputs:
    """The inputs in a query string; raises `BadRequest` for what is unknown, wrong or repeated."""
    return _counted(operation, _texts(operation, pairs))


def _texts(operation: Operation, pairs: Iterable[tuple[str, str]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for name, text in pairs:
        found.setdefault(name, []).append(_of_text(_declared(operation, name), text))
    return found


def inputs_of_body(operation: Operation, body: bytes, pairs: Iterable[tuple[str, str]] = ()) -> Inputs:
    """The inputs in a body: a Parameters resource, or the bare resource that `operation.body` names; those of the
    query string are added. Raises `BadRequest`."""
    tree = loads(body)
    if not isinstance(tree, dict) or not isinstance(tree.get("resourceType"), str):
        raise BadRequest(issue("rest.not-a-resource"))
    found = _texts(operation, pairs)
    if tree["resourceType"] != "Parameters" and operation.body:
        found.setdefault(operation.body, []).append(_resource(_declared(operation, operation.body), tree))
    else:
        for name, values in inputs_of_parameters(operation, tree, counted=False).values.items():
            found.setdefault(name, []).extend(values)
    return _counted(operation, found)


def inputs_of_parameters(operation: Operation, tree: Resource, *, counted: bool = True) -> Inputs:
    """The inputs in a Parameters resource; their number is left unchecked when not `counted`.

    Raises `BadRequest`.
    """
    entries = tree.get("parameter", [])
    if tree.get("resourceType") != "Parameters" or not isinstance(entries, list):
        raise BadRequest(issue("rest.not-parameters"))
    found: dict[str, list[Any]] = {}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise BadRequest(issue("rest.not-parameters"))
        parameter = _declared(operation, entry["name"])
        found.setdefault(parameter.name, []).append(_of_entry(parameter, entry))
    return _counted(operation, found) if counted else Inputs(found)


def _declared(operation: Operation, name: str) -> Parameter:
    parameter = operation.parameter(name)
    if parameter is None:
        known = ", ".join(found.name for found in operation.parameters)
        raise BadRequest(issue("rest.parameter", interaction=f"${operation.name}", known=known))
    return parameter


def _counted(operation: Operation, found: Mapping[str, list[Any]]) -> Inputs:
    for parameter in operation.parameters:
        count = len(found.get(parameter.name, ()))
        if count < parameter.min:
            raise BadRequest(issue("rest.parameter-missing", parameter=parameter.name))
        if parameter.max is not None and count > parameter.max:
            raise _wrong(parameter, "Give it once")
    return Inputs(found)


def _wrong(parameter: Parameter, expected: str) -> BadRequest:
    return BadRequest(issue("rest.parameter-value", parameter=parameter.name, expected=expected))


def _of_text(parameter: Parameter, text: str) -> Any:
    read = _FROM_TEXT.get(parameter.type)
    if read is None:
        raise _wrong(parameter, f"A {parameter.type} comes in a Parameters resource, by POST")
    value = read(text)
    if value is None:
        raise _wrong(parameter, f"Give a value of type {parameter.type}")
    return value


def _of_entry(parameter: Parameter, entry: Mapping[str, Any]) -> Any:
    if "resource" in entry:
        return _resource(parameter, entry["resource"])
    values = [(key.removeprefix("value"), value) for key, value in entry.items() if key.startswith("value")]
    if len(values) != 1:
        raise _wrong(parameter, f"Give one {parameter.type}")
    [(kind, value)] = values
    stated = kind[:1].lower() + kind[1:]
    text_like = stated in _TEXTS and parameter.type in _TEXTS
    if not text_like and parameter.type not in (kind, stated):
        raise _wrong(parameter, f"Give a value of type {parameter.type}")
    if not _has_shape(parameter.type, value):
        raise _wrong(parameter, f"Give a value of type {parameter.type}")
    return value


def _has_shape(kind: str, value: Any) -> bool:
    """Whether a value of a Parameters resource is of this FHIR type, as JSON writes it."""
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "decimal":
        return isinstance(value, int | Decimal) and not isinstance(value, bool)
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind in _FROM_TEXT:
        return isinstance(value, str) and _FROM_TEXT[kind](value) is not None
    return isinstance(value, dict)


def _resource(parameter: Parameter, tree: Any) -> Resource:
    if not isinstance(tree, dict) or not isinstance(tree.get("resourceType"), str):
        raise _wrong(parameter, "Give a resource")
    if parameter.type not in ("Resource", tree["resourceType"]):
        raise _wrong(parameter, f"Give a value of type {parameter.type}")
    return tree


def _boolean(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text)


def _integer(text: str) -> int | None:
    return int(text) if _INTEGER.match(text) else None


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _moment(text: str) -> str | None:
    return text if _MOMENT.match(text) else None


_FROM_TEXT: Mapping[str, Callable[[str], Any]] = {
    **{kind: lambda text: text or None for kind in _TEXTS},
    "boolean": _boolean,
    "integer": _integer,
    "decimal": _decimal,
    "date": _moment,
    "dateTime": _moment,
    "instant": _moment,
}
