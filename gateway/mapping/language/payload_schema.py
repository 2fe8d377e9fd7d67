"""JSON Schema 2020-12: the gate before mapping, and the shape of mapping files.

`jsonschema-rs` decides in well under a microsecond a sample, and says where and why not. What is said names keywords,
positions and the schema's own words, never a value of the payload. Schemas may come from strangers: patterns take
linear time, and references lead nowhere outside the schema.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError
from jsonschema_rs import ValidationErrorKind as Kind

from gateway.formats import Alike, Decoded
from gateway.mapping.language.schema_rows import RowSchema, items_apart

MAX_FINDINGS = 20
"""How many differences of one payload are reported."""

MAX_NODES = 100_000
"""Of a payload with more values than this the first difference alone is told: telling all costs time for each."""

_SAYS_LIMIT = {
    "minLength": "is shorter than {0}",
    "maxLength": "is longer than {0}",
    "minimum": "is less than {0}",
    "maximum": "is more than {0}",
    "exclusiveMinimum": "is not more than {0}",
    "exclusiveMaximum": "is not less than {0}",
    "minItems": "has fewer than {0} items",
    "maxItems": "has more than {0} items",
    "minProperties": "has fewer than {0} names",
    "maxProperties": "has more than {0} names",
    "multipleOf": "is not a multiple of {0}",
    "format": "is not a {0}",
    "pattern": "does not have the form {0}",
    "const": "is not {0!r}",
    "type": "is not of type {0}",
    "enum": "is not one of {0}",
}


class NotASchema(ValueError):
    """The document is no JSON Schema 2020-12; the text says why."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How a document differs from its schema: in words, and the path of the place; `is_name` where the last name of
    the path is wrong, or all that stands under it."""

    problem: str
    path: tuple[str | int, ...]
    is_name: bool = False


class Schema:
    """A compiled JSON Schema; raises `NotASchema` when made of something else. `tree` is its document."""

    def __init__(self, tree: Any) -> None:
        try:
            self._validator = _validator(tree)
        except ValidationError as error:
            place = "/".join(str(step) for step in error.instance_path)
            raise NotASchema(f"{place}: {error.message}" if place else error.message) from None
        except (ValueError, TypeError) as error:
            raise NotASchema(str(error)) from None
        self.tree: Mapping[str, Any] = tree if isinstance(tree, dict) else {}
        self._of_rows: dict[str, RowSchema | None] = {}

    def accepts(self, tree: Any) -> bool:
        """True when the tree fits."""
        return self._validator.is_valid(tree)

    def fits(self, decoded: Decoded, alike: Alike | None) -> bool:
        """True when the tree fits; lists of rows are filled only where it is not told by their kinds.

        `alike` is that of the payload's format.
        """
        if decoded.rows and alike is not None:
            of_rows = self._rows_of(alike)
            if of_rows is not None and of_rows.accepts(decoded.rows) and self.accepts(decoded.outline):
                return True
        return self.accepts(decoded.tree)

    def _rows_of(self, alike: Alike) -> RowSchema | None:
        """What is said of the items of such lists; None where that is not told by their kinds."""
        if alike.items not in self._of_rows:
            items = items_apart(self.tree, alike)
            self._of_rows[alike.items] = None if items is None else RowSchema(alike, [*map(_validator, items)])
        return self._of_rows[alike.items]

    def differences(self, tree: Any) -> tuple[Difference, ...]:
        """Why the tree does not fit, in the order of the document; () when it does."""
        if self.accepts(tree):
            return ()
        found = sorted(self._errors(tree), key=lambda error: [str(part) for part in error.instance_path])
        listed = [difference for error in found for difference in self._explain(error)]
        return tuple(dict.fromkeys(listed))[:MAX_FINDINGS] or (Difference("differs from the schema", ()),)

    def _errors(self, tree: Any) -> list[ValidationError]:
        if not _larger_than(tree, MAX_NODES):
            return list(self._validator.iter_errors(tree))
        try:
            self._validator.validate(tree)
        except ValidationError as error:
            return [error]
        return []

    def _explain(self, error: ValidationError) -> Iterator[Difference]:
        kind, path = error.kind, tuple(error.instance_path)
        match kind:
            case Kind.Required():
                yield Difference(f"{kind.property} is missing", path)
            case Kind.AdditionalProperties() | Kind.UnevaluatedProperties():
                known = self._known(error)
                for name in kind.unexpected:
                    yield Difference(f"an unknown name is there{known}", (*path, name), is_name=True)
            case Kind.AnyOf() | Kind.OneOfNotValid() if any(kind.context):
                for inner in max(kind.context, key=_depth):
                    yield from self._explain(inner)
            case Kind.PropertyNames():
                for one in self._explain(kind.error):
                    yield Difference(one.problem, (*path, str(kind.error.instance)), is_name=True)
            case Kind.FalseSchema():
                yield Difference("must not be there", path, is_name=True)
            case _ if kind.name in _SAYS_LIMIT:
                shown = " or ".join(map(str, kind.value)) if isinstance(kind.value, list) else kind.value
                whole = isinstance(error.instance, dict | list)
                yield Difference(_SAYS_LIMIT[kind.name].format(shown), path, is_name=whole)
            case _:
                yield Difference(f"breaks `{kind.name}`", path)

    def _known(self, error: ValidationError) -> str:
        """The names that the object may have, as the end of a sentence."""
        node: Any = self.tree
        for step in error.schema_path[:-1]:
            node = node[int(step)] if isinstance(node, list) else node.get(step) if isinstance(node, dict) else None
        names = node.get("properties", {}) if isinstance(node, dict) else {}
        return f"; known: {', '.join(names)}" if names else ""


def _validator(tree: Any) -> Draft202012Validator:
    return Draft202012Validator(tree, pattern_options=RegexOptions(), offline=True)


def _depth(branch: list[ValidationError]) -> int:
    """How far a branch of a choice fitted: the depth of its deepest error; the one that went furthest is meant."""
    return max((len(error.instance_path) for error in branch), default=0)


def _larger_than(tree: Any, limit: int) -> bool:
    """True when the tree has more values than `limit`; looks at no more than that."""
    waiting, count = [tree], 0
    while waiting:
        node = waiting.pop()
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        count += len(inner)
        if count > limit:
            return True
        waiting.extend(inner)
    return False
