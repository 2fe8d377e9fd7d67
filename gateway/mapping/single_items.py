"""What goes over several items as Python statements: `path.where(...).distinct()`."""

from contextlib import suppress
from typing import Any, Final

from gateway.fhirpath import nodes
from gateway.fhirpath.equality import distinct
from gateway.mapping.loose import STRANGE, Odd
from gateway.mapping.single_form import Writing
from gateway.mapping.single_logic import logic

_FEW: Final = 8
_DIFFERENT = "L = DIFFERENT(V, NAMES) if V is not None else []"
_SPREAD = "L = SPREAD(V, NAMES) if V is not None else []"
_ITEMS = "L = [] if V is None else [V] if V.__class__ is str or V.__class__ is dict else EACH(V)"
_BELOW = """
if V.__class__ is dict:
    W = V.get(NAME)
    L = [] if W is None else [W] if W.__class__ is str or W.__class__ is dict else EACH(W)
else:
    L = SPREAD(V, NAMES) if V is not None else []
"""
_EACH = """
for ITEM in L:
    ...
"""


def unwound(tree: nodes.Expr) -> tuple[tuple[str, ...], list[nodes.Call]] | None:
    """The path of `path.where(...).distinct()` and its calls in their order; None for anything else."""
    calls: list[nodes.Call] = []
    node: nodes.Expr | None = tree
    while isinstance(node, nodes.Call) and (node.name, len(node.arguments)) in (("where", 1), ("distinct", 0)):
        calls.append(node)
        node = node.target
    names: list[str] = []
    while isinstance(node, nodes.Member):
        names.append(node.name)
        node = node.target
    return (tuple(reversed(names)), calls[::-1]) if names and node is None else None


def filtered(writer: Writing, names: tuple[str, ...], calls: list[nodes.Call], focus: str) -> str:
    """The local list of the items at a path that the calls leave."""
    code, items = writer.code, writer.code.fresh("l")
    value = writer.step(focus, names[0])
    is_fewer = any(call.name == "distinct" for call in calls)
    source = _ITEMS
    if names[1:]:
        source = _DIFFERENT if is_fewer else _SPREAD if names[2:] else _BELOW
    functions = {"SPREAD": code.bind(spread), "DIFFERENT": code.bind(different), "EACH": code.bind(each)}
    names_of = {"NAME": code.bind(names[-1]), "NAMES": code.bind(names[1:])}
    code.run(source, L=items, V=value, W=code.fresh(), **functions, **names_of)
    if is_fewer and not names[1:]:
        code.run("L = FEWER(L)", L=items, FEWER=code.bind(fewer))
    for call in calls:
        if call.name == "distinct":
            code.run("L = D(L)", L=items, D=code.bind(distinct))
            continue
        kept, item = code.fresh("l"), code.fresh("item")
        code.run("K = []", K=kept)
        with writer.inside(code.emit(_EACH, ITEM=item, L=items), loop=True):
            holds = logic(writer, call.arguments[0], item)
            code.run("if C:\n    K.append(ITEM)", C=holds, K=kept, ITEM=item)
        items = kept
    return items


def spread(value: Any, names: tuple[str, ...]) -> list[Any]:
    """The items at a path below what stands at a step; raises `Odd` where only FHIRPath knows."""
    for number, name in enumerate(names):
        if value.__class__ is list:
            if value is STRANGE:
                raise Odd
            return _reached(value, names[number:])
        if value is None:
            return []
        if value.__class__ is not dict:
            raise Odd
        value = value.get(name)
    return each(value)


def different(value: Any, names: tuple[str, ...]) -> list[Any]:
    """As `spread`, without repetitions as far as `fewer` finds them."""
    if value.__class__ is list and value:
        with suppress(LookupError, TypeError):
            found = _below(value, names)
            first = found[0]
            if first.__class__ is dict and _is_of_texts(first) and found.count(first) == len(found):
                return [first]
    return fewer(spread(value, names))


def each(value: Any) -> list[Any]:
    """The items of what stands at a step."""
    if value.__class__ is not list:
        return [] if value is None else [value]
    if value is STRANGE:
        raise Odd
    return [item for item in value if item is not None]


def _below(items: list[Any], names: tuple[str, ...]) -> list[Any]:
    """What stands at a path below each item; raises where one of them has no such place."""
    if len(names) == 2:
        first, second = names
        return [item[first][second] for item in items]
    for name in names:
        items = [item[name] for item in items]
    return items


def _reached(items: list[Any], names: tuple[str, ...]) -> list[Any]:
    try:
        return _flat(_below(items, names))
    except (LookupError, TypeError):
        items = each(items)
    for name in names:
        try:
            found = [item[name] for item in items]
        except (LookupError, TypeError):
            usual = set(map(type, items)) == {dict}
            found = [item.get(name) for item in items if usual or _is_plain(item)]
        items = _flat(found)
    return items


def _flat(found: list[Any]) -> list[Any]:
    """What was found, lists as their items, and without what is nothing."""
    kinds = set(map(type, found))
    if list in kinds:
        found = [part for value in found for part in (value if value.__class__ is list else (value,))]
        kinds = set(map(type, found))
    return [item for item in found if item is not None] if type(None) in kinds else found


def _is_plain(item: Any) -> bool:
    """True for an object, False for a scalar; raises `Odd` for what only FHIRPath knows."""
    if item.__class__ is dict:
        return True
    if item.__class__ in (str, int, bool) or item.__class__ is list:
        return False
    raise Odd


def _is_of_texts(item: dict[str, Any]) -> bool:
    return all(value.__class__ is str for value in item.values())


def fewer(items: list[Any]) -> list[Any]:
    """The items without repetitions of objects that hold texts only, as far as these are few."""
    found: list[Any] = []
    while items and len(found) < _FEW and items[0].__class__ is dict:
        first = items[0]
        if not _is_of_texts(first):
            break
        found.append(first)
        if items.count(first) == len(items):
            return found
        items = [item for item in items if item != first]
    return found + items
