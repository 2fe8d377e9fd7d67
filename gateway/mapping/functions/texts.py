"""Texts of what vendors send."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from gateway.mapping.scope import report


def text(focus: list[Any]) -> list[Any]:
    """One text of numbers, texts, HL7 fields and repetitions, which stand on lines of their own; nothing for ""."""
    lines = [line for value in focus if (line := _line(value))]
    return ["\n".join(lines)] if lines else []


def _line(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict) and all(isinstance(part, str) for part in value.values()):
        return " ".join(part for part in value.values() if part)
    if value is None or isinstance(value, dict | list):
        report("mapping.wrong-value", what="text()")
        return None
    return str(value)


TEXTS: dict[str, tuple[int, int, Callable[..., list[Any]]]] = {"text": (0, 0, text)}
