"""What a payload schema says of items that may be rows (`gateway.formats.Alike`): told once for each kind of them.

A schema of which each part says of objects which names they have, and of values what they are, accepts a payload
when it accepts it with those lists empty, and each of their items. An item is accepted for its kind where nothing but
the type is said of its texts, and nothing of whether those are there that need not be.
"""

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any, Final

from gateway.formats import Alike, Rows
from gateway.mapping.kinds import Never
from gateway.mapping.rows import with_all_texts

_NOTES: Final = frozenset(("$comment", "title", "description", "examples", "deprecated"))
_SAYS: Final = _NOTES | {
    "$schema", "$id", "$defs", "$ref", "type", "required", "properties", "additionalProperties", "items", "allOf",
    "anyOf", "const", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "multipleOf", "minItems", "maxItems",
}  # fmt: skip
"""What is true of a payload where it is true of it with empty lists, as long as it is true of their items."""

_KIND: Final = itemgetter(0)


class RowSchema:
    """What a schema says of items; made of the schemas of these."""

    def __init__(self, alike: Alike, validators: Sequence[Any]) -> None:
        self._wrong = Never(lambda item: not all(one.is_valid(with_all_texts(alike, item)) for one in validators))

    def accepts(self, rows: Rows) -> bool:
        """True where the items of all lists of rows fit; False where they may not."""
        return all(self._wrong.hold(set(map(_KIND, listed))) for listed in rows.values() if listed.__class__ is list)


def items_apart(schema: Any, alike: Alike) -> list[Any] | None:
    """The schemas of the items, each a whole document; None where the schema is not of the kind described above."""
    try:
        parts = [*_reached(schema, schema)]
    except LookupError:
        return None
    lists = [part["properties"][alike.items] for part in parts if alike.items in part.get("properties", {})]
    if not all(map(_is_plain, parts)) or not all(_is_list(one) for one in lists):
        return None
    items = [one["items"] for one in lists if isinstance(one, dict) and "items" in one]
    if not all(_says_nothing_of_texts(part, alike) for one in items for part in _reached(one, schema)):
        return None
    return [{"$defs": schema.get("$defs", {}), "allOf": [one]} for one in items]


def _reached(part: Any, schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema that is applied where this one is, or below. Raises `LookupError` for an unusual reference."""
    waiting, seen = [part], set[int]()
    while waiting:
        one = waiting.pop()
        if not isinstance(one, dict) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [*one.get("allOf", ()), *one.get("anyOf", ()), *one.get("properties", {}).values()]
        waiting += [one.get("items"), _referred(one["$ref"], schema) if "$ref" in one else None]


def _referred(reference: str, schema: Any) -> Any:
    """The schema of a reference to the definitions; raises `LookupError` for others."""
    start, _, name = reference.rpartition("/")
    if start != "#/$defs" or "%" in name or "~" in name:
        raise LookupError
    return schema["$defs"][name]


def _is_plain(part: dict[str, Any]) -> bool:
    listed = [part["const"], *part.get("enum", ())] if "const" in part else part.get("enum", ())
    return (
        part.keys() <= _SAYS
        and isinstance(part.get("additionalProperties", True), bool)
        and not any(isinstance(value, dict | list) for value in listed)
    )


def _is_list(part: Any) -> bool:
    return isinstance(part, bool) or part.keys() <= _NOTES | {"type", "items"}


def _says_nothing_of_texts(part: dict[str, Any], alike: Alike) -> bool:
    named = [text for name, text in part.get("properties", {}).items() if name in alike.texts]
    return all(isinstance(text, bool) or text.keys() <= _NOTES | {"type"} for text in named) and not any(
        name in alike.texts and name not in alike.sure for name in part.get("required", ())
    )
