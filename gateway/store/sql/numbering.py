"""Parameters by number: a value is given to SQLite once, however often a statement asks about it."""

from collections.abc import Mapping, Sequence
from typing import Any


def numbered(
    text: str, order: Sequence[str], constants: Mapping[str, Any], *, spelled: bool = False
) -> tuple[str, tuple[str, ...]]:
    """A statement with a `?` for each use of a parameter, as one with `?1`, `?2` and so on, and the names of these.

    `order` names the parameter of each use; constants that are the same share a number. Where they are `spelled`,
    whole numbers and texts among them stand in the statement. A statement with a question mark that is no parameter
    stays as it is.
    """
    parts = text.split("?")
    if len(parts) != len(order) + 1:
        return text, tuple(order)
    names: dict[object, str] = {}
    uses = []
    for name in order:
        value = constants.get(name)
        uses.append(names.setdefault(name if value is None else (value.__class__, value), name))
    known = {name: _literal(constants.get(name)) if spelled else "" for name in uses}
    given = tuple([name for name, literal in known.items() if not literal])
    places = known | {name: f"?{number}" for number, name in enumerate(given, 1)}
    return parts[0] + "".join(places[name] + part for name, part in zip(uses, parts[1:], strict=True)), given


def _literal(value: object) -> str:
    """A whole number or a text as SQL spells it; "" for anything else."""
    if value.__class__ is int:
        return str(value)
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) and value.isprintable() else ""
