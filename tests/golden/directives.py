"""The directives of the mapping language, read from its JSON Schema: `source.tz.gap`, `source.tz.gap=shift`."""

from collections.abc import Iterator
from typing import Any

from gateway.core.assets import asset_root
from gateway.core.codec import loads

SCHEMA: dict[str, Any] = loads(asset_root("mappings").joinpath("mapping.schema.json").read_bytes())


def directives(schema: Any = SCHEMA, path: str = "", seen: tuple[str, ...] = ()) -> Iterator[str]:
    """Every key that the schema describes, and every word where it lists words; lists have no name of their own."""
    schema, seen = _followed(schema, seen)
    for name, inner in schema.get("properties", {}).items():
        below = f"{path}.{name}" if path else name
        yield below
        words = _words(_followed(inner, seen)[0])
        yield from (f"{below}={word}" for word in words)
        yield from directives(inner, below, seen)
    named = list(schema.get("properties", {}).values())
    patterns = [inner for inner in schema.get("patternProperties", {}).values() if inner not in named]
    for inner in (schema.get("items"), *patterns):
        yield from directives(inner, path, seen) if isinstance(inner, dict) else ()
    inner = schema.get("additionalProperties")
    yield from directives(inner, path, seen) if isinstance(inner, dict) else ()


def _words(schema: dict[str, Any]) -> list[str]:
    words = schema.get("enum") or schema.get("anyOf", [{}])[0].get("enum", [])
    return [word for word in words if word != "4.0.1"]


def _followed(schema: Any, seen: tuple[str, ...]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The schema behind references; one that leads back to itself is empty."""
    while isinstance(schema, dict) and "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name in seen or (name == "template" and "choice" in seen):
            return {}, seen
        schema, seen = SCHEMA["$defs"][name], (*seen, name)
    return schema if isinstance(schema, dict) else {}, seen
