"""The data dictionary of a mapping: the codes, units and profiles of its resources, and what they are read from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from gateway.mapping.plan import Choice, Constant, Emit, Items, Map, Node, Plan, Series
from gateway.mapping.tools.account import emits_of, rows

UCUM: Final = "http://unitsofmeasure.org"
_ROLES: Final = frozenset({"code", "type"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One kind of resource: its codes (`system|code display`), UCUM units and profiles as far as the file has them.

    `code` is what the resource itself is; `parts` are the codes of its components and other parts. `fields` are the
    payload paths that its elements are read from.
    """

    emit: str
    type: str
    code: tuple[str, ...]
    parts: tuple[str, ...]
    units: tuple[str, ...]
    profiles: tuple[str, ...]
    fields: tuple[str, ...]
    position: str


def dictionary(plan: Plan) -> tuple[Entry, ...]:
    """An entry for each emit, in the order of the file."""
    fields: dict[str, list[str]] = {}
    for row in rows(plan):
        if not row.element.startswith("(key"):
            fields.setdefault(row.emit, []).extend(row.paths)
    return tuple(_entry(emit, fields.get(emit.id, [])) for emit in emits_of(plan))


def _entry(emit: Emit, fields: list[str]) -> Entry:
    found = [entry for entry in dict.fromkeys(_codings(emit.root, ())) if entry[0]]
    coded = [(path, text) for path, system, text in found if system != UCUM]
    units = [text.partition("|")[2].partition(" ")[0] for _, system, text in found if system == UCUM]
    return Entry(
        emit=emit.id,
        type=emit.type,
        code=_unique(text for path, text in coded if path[0] in _ROLES),
        parts=_unique(text for path, text in coded if path[0] not in _ROLES and path[-1] in _ROLES),
        units=_unique(units),
        profiles=_unique(url for path, url in _urls(emit.root) if path == ("meta", "profile")),
        fields=_unique(fields),
        position=emit.position,
    )


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _codings(node: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Path without `coding`, system and text of each coding and each unit that the template has in full."""
    known = _constants(node)
    system, code = known.get("system"), known.get("code")
    if isinstance(system, str) and isinstance(code, str):
        display = known.get("display")
        yield path, system, f"{system}|{code} {display}" if display else f"{system}|{code}"
    for name, child in _children(node):
        yield from _codings(child, path if name in ("coding", "") else (*path, name))


def _urls(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    value = node.value if isinstance(node, Constant) else node
    if isinstance(value, str) and path:
        yield path, value
    for name, child in _children(node):
        yield from _urls(child, (*path, name) if name else path)


def _constants(node: Any) -> dict[str, Any]:
    """The fields of an object that the file says in full."""
    if isinstance(node, Map):
        return {name: child.value for name, child in node.fields if isinstance(child, Constant)}
    if isinstance(node, Series):
        return dict(node.head.get("origin", {}))
    value = node.value if isinstance(node, Constant) else node
    return value if isinstance(value, dict) else {}


def _children(node: Any) -> Iterator[tuple[str, Node | Series | Any]]:
    """What is below, by name; "" for items of a list and branches of a choice."""
    match node:
        case Map(fields=fields):
            yield from fields
        case Items(nodes=nodes):
            yield from (("", child) for child in nodes)
        case Choice(branches=branches):
            yield from ((branch.key, branch.node) for branch in branches if branch.node is not None)
        case Constant(value=value):
            yield from _children(value)
        case dict():
            yield from node.items()
        case list():
            yield from (("", child) for child in node)
