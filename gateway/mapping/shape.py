"""What expressions can find in a payload, by its JSON Schema, and of which kind their results are.

It tells paths that the schema does not have and results that an element does not take. It knows less than the run:
what it cannot tell is unknown and passes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Final

from gateway.fhirpath.syntax import nodes
from gateway.mapping.elements import INTEGER_TYPES, NUMBER_TYPES

Schemas = tuple[Mapping[str, Any], ...]
"""The schemas that a place may have, alternatives side by side."""

Missing = Callable[[str, nodes.Member, bool, str], None]
"""Told of a name that is not in the schema: it, its node, whether the schema is closed, which name may be meant."""

_MAX_DEPTH = 20
_KEEPS: Final = frozenset({"where", "first", "last", "tail", "skip", "take", "distinct", "single", "sort", "trace"})
_INSIDE: Final = _KEEPS | {"exists", "all", "any", "select", "repeat"}
_CHOOSES: Final = frozenset({"coalesce", "iif"})
_KINDS: Final = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean", "object": "object"}
_BOOLEAN = dict.fromkeys(
    ("exists", "empty", "all", "not", "hasValue", "isDistinct", "startsWith", "endsWith", "contains", "matches",
     "toBoolean", "allTrue", "anyTrue", "allFalse", "anyFalse", "subsetOf", "supersetOf"), "boolean",
)  # fmt: skip
_TEXT = dict.fromkeys(
    ("toString", "text", "translate", "atOffset", "atZone", "fromEpoch", "dateOnly", "parseTime", "hl7Time",
     "hl7Date", "hl7TimeOfDay", "substring", "replace", "upper", "lower", "trim", "join", "encode", "decode"), "text",
)  # fmt: skip
_RESULTS: Final = {
    **_BOOLEAN, **_TEXT,
    "toDecimal": "number", "scaled": "number", "toInteger": "integer", "count": "integer", "length": "integer",
    "quantity": "Quantity", "codeable": "CodeableConcept", "coding": "Coding", "ref": "Reference",
}  # fmt: skip
_TRUTH: Final = frozenset({"=", "!=", "<", "<=", ">", ">=", "~", "!~", "in", "contains", "xor", "implies"})


@dataclass(frozen=True, slots=True)
class Found:
    """What an expression finds: places in the payload, and the kind of the values, "" when it is not known."""

    schemas: Schemas = ()
    kind: str = ""


UNKNOWN: Final = Found()


@dataclass(frozen=True, slots=True)
class Shape:
    """What the roots of paths are; `root` is the whole schema, which references are read from."""

    root: Mapping[str, Any] = field(default_factory=dict)
    payload: Found = UNKNOWN
    record: Found = UNKNOWN
    item: Found = UNKNOWN
    focus: Found = UNKNOWN
    variables: Mapping[str, Found] = field(default_factory=dict)

    def at(self, found: Found) -> "Shape":
        """With the focus, and the item, at what was found."""
        return replace(self, item=found, focus=found)

    def of_record(self, found: Found) -> "Shape":
        """With the focus at a record."""
        return replace(self, record=found, item=found, focus=found)

    def of_payload(self) -> "Shape":
        """With the focus at the payload, which is the record too, and without variables."""
        return replace(self.of_record(self.payload), variables={})

    def with_variable(self, name: str, found: Found) -> "Shape":
        """With one more variable."""
        return replace(self, variables={**self.variables, name: found})


def shape_of(schema: Mapping[str, Any]) -> Shape:
    """The shape of a payload with this schema, at its root."""
    root = Found(_flat((schema,), schema))
    return Shape(schema, root, UNKNOWN, root, root)


def find(tree: nodes.Expr, shape: Shape, missing: Missing) -> Found:
    """What the expression finds; every name that the schema does not have is told to `missing`."""
    return _Finder(shape, missing).visit(tree, shape.focus)


def refuses(type_name: str, primitive: bool, kind: str) -> bool:
    """True when values of the kind cannot be those of an element of the type."""
    if not kind:
        return False
    if not primitive:
        return kind in ("text", "integer", "number", "boolean") or (kind != "object" and kind != type_name)
    if type_name == "boolean":
        return kind != "boolean"
    if type_name in NUMBER_TYPES:
        return kind not in ("number", "integer")
    if type_name in INTEGER_TYPES:
        return kind not in ("number", "integer")
    return kind != "text"


@dataclass(frozen=True, slots=True)
class _Finder:
    shape: Shape
    missing: Missing

    def visit(self, node: nodes.Expr, focus: Found) -> Found:
        match node:
            case nodes.Member(target=target):
                base = focus if target is None else self.visit(target, focus)
                return self._member(node, base)
            case nodes.Variable(name=name):
                return self._variable(name)
            case nodes.Special(name="this"):
                return focus
            case nodes.Literal(value=value):
                return Found(kind=_kind_of(value))
            case nodes.Indexer(target=target, index=index):
                self.visit(index, focus)
                return self.visit(target, focus)
            case nodes.Call():
                return self._call(node, focus)
        for child in nodes.children(node):
            self.visit(child, focus)
        operator = getattr(node, "operator", "")
        return Found(kind="boolean" if operator in _TRUTH | {"and", "or"} else "text" if operator == "&" else "")

    def _variable(self, name: str) -> Found:
        known = {"payload": self.shape.payload, "record": self.shape.record, "records": self.shape.record}
        if name == "item":
            return self.shape.item
        return known.get(name) or self.shape.variables.get(name, UNKNOWN)

    def _call(self, node: nodes.Call, focus: Found) -> Found:
        base = focus if node.target is None else self.visit(node.target, focus)
        inner = base if node.name in _INSIDE else focus
        given = [self.visit(argument, inner) for argument in node.arguments]
        if node.name in _KEEPS:
            return base
        if node.name == "select" and given:
            return given[0]
        if node.name in _CHOOSES:
            kinds = {one.kind for one in (given[1:] if node.name == "iif" else given)}
            return Found(kind=kinds.pop() if len(kinds) == 1 else "")
        return Found(kind=_RESULTS.get(node.name, ""))

    def _member(self, node: nodes.Member, base: Found) -> Found:
        objects = [schema for schema in base.schemas if isinstance(schema.get("properties"), dict)]
        if not objects or len(objects) < len(base.schemas):
            return UNKNOWN
        below = [schema["properties"][node.name] for schema in objects if node.name in schema["properties"]]
        if not below:
            closed = all(schema.get("additionalProperties") is False for schema in objects)
            names = sorted({name for schema in objects for name in schema["properties"]})
            meant = get_close_matches(node.name, names, 1, 0.8)
            if closed or meant:
                self.missing(node.name, node, closed, meant[0] if meant else ", ".join(names))
            return UNKNOWN
        return found_in(tuple(schema for schema in below if isinstance(schema, dict)), self.shape.root)


def found_in(schemas: Schemas, root: Mapping[str, Any]) -> Found:
    """What is at places with these schemas, items of lists included."""
    flat = _flat(schemas, root)
    kinds = {_KINDS.get(str(schema.get("type")), "") for schema in flat}
    return Found(flat, kinds.pop() if len(kinds) == 1 else "")


def _flat(schemas: Schemas, root: Mapping[str, Any], depth: int = 0) -> Schemas:
    """The schemas of single values: references followed, lists opened, alternatives side by side."""
    found: list[Mapping[str, Any]] = []
    for schema in schemas if depth < _MAX_DEPTH else ():
        reference, inner = schema.get("$ref"), [schema.get(name) for name in ("anyOf", "oneOf", "allOf")]
        items = schema.get("items")
        choices = [one for group in inner if isinstance(group, list) for one in group if isinstance(one, dict)]
        if isinstance(reference, str):
            target = _resolve(reference, root)
            found += _flat((target,), root, depth + 1) if target is not None else [{}]
        elif isinstance(items, dict):
            found += _flat((items,), root, depth + 1)
        elif choices and "properties" not in schema:
            found += _flat(tuple(choices), root, depth + 1)
        elif any("properties" in choice or "$ref" in choice for choice in choices):
            found.append({})
        else:
            found.append(schema)
    return tuple(found)


def _resolve(reference: str, root: Mapping[str, Any]) -> Mapping[str, Any] | None:
    node: Any = root
    if not reference.startswith("#/"):
        return None
    for name in reference[2:].split("/"):
        node = node.get(name) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else None


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, Decimal):
        return "number"
    return "text" if isinstance(value, str) else ""
