"""JSON Schema 2020-12: the gate before mapping, and the shape of mapping files.

`jsonschema-rs` decides in well under a microsecond a sample; where it says no, `jsonschema` says why. What is said
names keywords, positions and the schema's own words, never a value of the payload.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError

MAX_FINDINGS = 20
"""How many differences of one payload are reported."""

_SAYS_LIMIT = {
    "minLength": "is shorter than {0}",
    "maxLength": "is longer than {0}",
    "minimum": "is less than {0}",
    "maximum": "is more than {0}",
    "exclusiveMinimum": "is not more than {0}",
    "exclusiveMaximum": "is not less than {0}",
    "minItems": "has fewer than {0} items",
    "maxItems": "has more than {0} items",
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
    """How a document differs from its schema: in words, and the path of the place."""

    problem: str
    path: tuple[str | int, ...]


class Schema:
    """A compiled JSON Schema; raises `NotASchema` when made of something else. `tree` is its document."""

    def __init__(self, tree: Any) -> None:
        try:
            Draft202012Validator.check_schema(tree)
            self._fast = jsonschema_rs.Draft202012Validator(tree)
        except SchemaError as error:
            raise NotASchema(error.message) from None
        except ValueError as error:
            raise NotASchema(str(error)) from None
        self._slow = Draft202012Validator(tree)
        self.tree: Mapping[str, Any] = tree if isinstance(tree, dict) else {}

    def accepts(self, tree: Any) -> bool:
        """True when the tree fits."""
        return bool(self._fast.is_valid(tree))

    def differences(self, tree: Any) -> tuple[Difference, ...]:
        """Why the tree does not fit, in the order of the document; () when it does."""
        if self.accepts(tree):
            return ()
        found = sorted(self._slow.iter_errors(tree), key=lambda error: [str(part) for part in error.absolute_path])
        listed = [difference for error in found for difference in _explain(error)]
        return tuple(dict.fromkeys(listed))[:MAX_FINDINGS] or (Difference("differs from the schema", ()),)


def _explain(error: ValidationError) -> Iterator[Difference]:
    path = tuple(error.absolute_path)
    keyword: str = str(error.validator)
    wanted: Any = error.validator_value
    if keyword == "required" and isinstance(error.instance, dict):
        for name in wanted:
            if name not in error.instance:
                yield Difference(f"{name} is missing", path)
    elif keyword == "additionalProperties" and isinstance(error.instance, dict):
        schema: Any = error.schema
        known = schema.get("properties", {})
        for name in error.instance:
            if name not in known:
                yield Difference(f"an unknown name is there; known: {', '.join(known)}", (*path, name))
    elif keyword in ("anyOf", "oneOf") and error.context:
        deepest = max(error.context, key=lambda inner: len(inner.absolute_path))
        yield from _explain(deepest)
    elif keyword in _SAYS_LIMIT:
        shown = " or ".join(map(str, wanted)) if isinstance(wanted, list) else wanted
        yield Difference(_SAYS_LIMIT[keyword].format(shown), path)
    else:
        yield Difference(f"breaks `{keyword}`", path)
