"""What goes over several items as Python statements: `path.where(...).distinct()`."""

from contextlib import suppress
from typing import Any, Final

from gateway.fhirpath.syntax import nodes
from gateway.fhirpath.values.equality import distinct
from gateway.mapping.budget import spend
from gateway.mapping.columns import Columns, is_of_texts
from gateway.mapping.fast.single_form import Writing
from gateway.mapping.fast.single_logic import holds, logic
from gateway.mapping.fast.single_rows import never_of
from gateway.mapping.lineage import plain_path
from gateway.mapping.loose import STRANGE, Odd, loose

_MOVES_FOCUS: Final = frozenset({"where", "select", "exists", "all", "iif", "repeat", "sort", "aggregate", "trace"})
_FEW: Final = 8
_OBJECTS: Final = {dict}
_TEXTS: Final = {str}
_DIFFERENT = "L = DIFFERENT(V, NAMES, scope.columns) if V is not None else []"
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
    never = None if writer.unfilled is None else never_of(writer, writer.unfilled, names, calls)
    if never is None:
        return _filtered(writer, names, calls, focus)
    code, items = writer.code, writer.code.fresh("l")
    code.run("L = []", L=items)
    with writer.inside(code.emit("if not NEVER:\n    ...", NEVER=never)):
        code.run("L = M", L=items, M=_filtered(writer, names, calls, focus))
    writer.known.kinds[items] = list
    return items


def _filtered(writer: Writing, names: tuple[str, ...], calls: list[nodes.Call], focus: str) -> str:
    code, items, unfilled = writer.code, writer.code.fresh("l"), writer.unfilled
    value = writer.step(focus, names[0])
    if names[1:] and (
        (writer.shared is not None and value == writer.shared.base)
        or (unfilled is not None and value in unfilled.told)
    ):
        value, names = writer.step(value, names[1]), names[1:]
    if unfilled is not None and unfilled.hides(names):
        code.run("scope.fill()")
    is_fewer = any(call.name == "distinct" for call in calls)
    if is_fewer and names[1:]:
        items = _different(writer, value, names)
    else:
        source = _ITEMS if not names[1:] else _SPREAD if names[2:] else _BELOW
        code.run(source, L=items, V=value, W=code.fresh(), SPREAD=code.bind(spread), EACH=code.bind(each),
                 NAME=code.bind(names[-1]), NAMES=code.bind(names[1:]))  # fmt: skip
    if is_fewer and not names[1:]:
        code.run("L = FEWER(L)", L=items, FEWER=code.bind(fewer))
    for call in calls:
        if call.name == "distinct":
            code.run("L = D(L)", L=items, D=code.bind(distinct))
            continue
        kept, item = code.fresh("l"), code.fresh("item")
        code.run("K = []", K=kept)
        with writer.inside(code.emit(_EACH, ITEM=item, L=items), loop=True):
            writer.known.there.add(item)
            test = (holds if writer.usual else logic)(writer, call.arguments[0], item)
            code.run("if C:\n    K.append(ITEM)", C=test, K=kept, ITEM=item)
        items = kept
    return items


def _different(writer: Writing, value: str, names: tuple[str, ...]) -> str:
    """The local list of the items at a path below a local, the step `names[0]`, as far as they differ."""
    known, code = writer.known.calls, writer.code
    found = known.get(("different", value, names))
    if found is None:
        found = known["different", value, names] = code.fresh("l")
        code.run(_DIFFERENT, L=found, V=value, DIFFERENT=code.bind(different), NAMES=code.bind(names[1:]))
    return found


def distinct_of(writer: Writing, node: nodes.Call, focus: str) -> str | None:
    """The local of `path.where(part).path.distinct()`, one item or none or a list; None for anything else.

    Objects that are the same are asked once: they give the same.
    """
    behind, where = _path_to(node.target)
    if not isinstance(where, nodes.Call) or (where.name, len(where.arguments)) != ("where", 1):
        return None
    names, root = _path_to(where.target)
    if writer.unfilled is not None and writer.unfilled.hides((*names, *behind)):
        return None
    if not names or not (root is None or (isinstance(root, nodes.Variable) and root.name == "payload")):
        return None
    code = writer.code
    item, kept, answer = code.fresh("item"), code.fresh("l"), code.fresh()
    base = focus if root is None else writer.local(writer.one(root, focus))
    value = writer.step(base, names[0])
    if root is not None:
        code.run("SPEND(len(V) if V.__class__ is list else 1)", SPEND=code.bind(spend), V=value)
    items = _different(writer, value, names)
    code.run("K = []", K=kept)
    with writer.inside(code.emit(_EACH, ITEM=item, L=items), loop=True):
        writer.known.there.add(item)
        test = holds(writer, where.arguments[0], item)
        code.run("if C:\n    K.append(ITEM)", C=test, K=kept, ITEM=item)
    code.run("R = LOOSE(D(SPREAD(K, NAMES)))", R=answer, LOOSE=code.bind(loose), D=code.bind(distinct), K=kept,
             SPREAD=code.bind(spread), NAMES=code.bind(behind))  # fmt: skip
    return answer


def _path_to(tree: nodes.Expr | None) -> tuple[tuple[str, ...], nodes.Expr | None]:
    """The names at the end of an expression, and what they are asked of."""
    names: list[str] = []
    while isinstance(tree, nodes.Member):
        names.append(tree.name)
        tree = tree.target
    return tuple(reversed(names)), tree


def prepare(writer: Writing, tree: nodes.Expr, focus: str) -> None:
    """Walks the steps of plain paths before a `try`, where later formulas find them."""
    todo = [tree]
    while todo:
        node = todo.pop()
        path = plain_path(node)
        base = focus
        for name in path or ():
            base = writer.step(base, name)
        if path is None and isinstance(node, nodes.Call) and node.name in _MOVES_FOCUS and node.target is not None:
            todo.append(node.target)
        elif path is None:
            todo += nodes.children(node)


def spread(value: Any, names: tuple[str, ...]) -> list[Any]:
    """The items at a path below what stands at a step; raises `Odd` where only FHIRPath knows."""
    for number, name in enumerate(names):
        if value.__class__ is dict:
            value = value.get(name)
        elif value is None:
            return []
        elif value.__class__ is not list or value is STRANGE:
            raise Odd
        elif len(value) == 1 and value[0].__class__ is dict:
            value = value[0].get(name)
        else:
            return _reached(value, names[number:])
    return each(value)


def different(value: Any, names: tuple[str, ...], columns: Columns) -> list[Any]:
    """As `spread`, without repetitions as far as `fewer` finds them."""
    if value.__class__ is list and value:
        with suppress(AttributeError, LookupError, TypeError):
            if _leads_to_object(value[0], names):
                if columns.are_alike(value, names):
                    return columns.below(value, names)[:1]
            elif len(names) == 2:
                return _texts_below(value, names[0], names[1])
    return fewer(spread(value, names))


def _texts_below(items: list[Any], first: str, second: str) -> list[str]:
    """The different texts two steps below objects; raises where something else is there."""
    texts = dict.fromkeys([text for item in items if (text := item[first].get(second)) is not None])
    if not set(map(type, texts)) <= _TEXTS:
        raise TypeError
    return [*texts]


def _leads_to_object(item: Any, names: tuple[str, ...]) -> bool:
    """True where there is an object at a path below an item."""
    for name in names:
        item = item.get(name) if item.__class__ is dict else None
    return item.__class__ is dict


def each(value: Any) -> list[Any]:
    """The items of what stands at a step."""
    if value.__class__ is not list:
        return [] if value is None else [value]
    if value is STRANGE:
        raise Odd
    return value if all(value) else [item for item in value if item is not None]


def _reached(items: list[Any], names: tuple[str, ...]) -> list[Any]:
    """What stands at a path below each item, lists as their items, and without what is nothing."""
    kinds = set(map(type, items))
    for name in names:
        if kinds == _OBJECTS:
            items = [item.get(name) for item in items]
        else:
            items = [item.get(name) for item in items if item is not None and _is_plain(item)]
        kinds = set(map(type, items))
        if list in kinds:
            items = [part for value in items for part in (value if value.__class__ is list else (value,))]
            kinds = set(map(type, items))
        if type(None) in kinds:
            items = [item for item in items if item is not None] if len(kinds) > 1 else []
            kinds.discard(type(None))
    return items


def _is_plain(item: Any) -> bool:
    """True for an object, False for a scalar; raises `Odd` for what only FHIRPath knows."""
    if item.__class__ is dict:
        return True
    if item.__class__ in (str, int, bool) or item.__class__ is list:
        return False
    raise Odd


def fewer(items: list[Any]) -> list[Any]:
    """The items without repetitions of objects that hold texts only, as far as these are few."""
    found: list[Any] = []
    while items and len(found) < _FEW and items[0].__class__ is dict:
        first = items[0]
        if not is_of_texts(first):
            break
        found.append(first)
        if items.count(first) == len(items):
            return found
        items = [item for item in items if item != first]
    return found + items
