"""Calls of functions as Python statements: FHIRPath's own on one item, and those of the mapping language."""

import ast
from collections.abc import Callable, Collection
from contextlib import ExitStack
from decimal import Decimal
from typing import Any, Final

from gateway.fhirpath.functions import FUNCTIONS, Function
from gateway.fhirpath.kinds import BOOLEAN, DECIMAL, INTEGER, STRING, UNKNOWN
from gateway.fhirpath.syntax import nodes
from gateway.mapping.fast.single_form import Operand, Writing, evaluator, literal_of
from gateway.mapping.fast.single_items import distinct_of, filtered, unwound
from gateway.mapping.fast.single_logic import holds, logic
from gateway.mapping.fast.single_shared import is_nothing
from gateway.mapping.lineage import walk
from gateway.mapping.loose import Odd, loose
from gateway.mapping.plan import SHORT, Twin, remember

_ONE_OF: Final = frozenset({"first", "last", "single", "distinct"})
_PURE: Final = frozenset(
    {"translate", "quantity", "coding", "codeable", "range", "text", "dateOnly", "hl7Date", "scaled"}
)
_NOTHING: Final[list[Any]] = []
_DEEPEST: Final = 20
"""How many values of a `coalesce` are asked for inside each other."""

_TEXT = """
if V.__class__ is not str and V is not None:
    raise ODD
"""
_NUMBER = """
if V.__class__ is not int and V.__class__ is not D and V is not None:
    raise ODD
"""
_WHOLE = """
if V.__class__ is not int and V is not None:
    raise ODD
"""
_EITHER = """
if A is None or B is None:
    R = A if B is None else B
else:
    raise ODD
"""
_RECALLED = """
R = MEMORY.get(V) if V.__class__ is str else None
if R is None and V is not None:
    R = F(V)
"""
_REMEMBERED = """
R = MEMORY.get(A0)
if R is None and A0 is not None:
    R = F(A0)
"""
_TWIN: Final = f"R = RECALL(A0) if A0.__class__ is str and len(A0) <= {SHORT} else None if A0 is None else F(A0)"
_SHORT: Final = {
    "startsWith": "A0.startswith(A1)",
    "endsWith": "A0.endswith(A1)",
    "contains": "A1 in A0",
    "trim": "A0.strip()",
    "length": "len(A0)",
    "upper": "A0.upper()",
    "lower": "A0.lower()",
}


def call(writer: Writing, node: nodes.Call, focus: str) -> Operand:
    """The item that a call gives, None for none; a list for what is unusual."""
    name, count = node.name, len(node.arguments)
    if name in writer.functions.specs:
        return _added(writer, node, focus)
    if name == "iif" and node.target is None:
        return _iif(writer, node, focus)
    if name == "coalesce" and node.target is None:
        return _coalesce(writer, node, focus)
    if node.target is not None and count == 1 and name in ("where", "select", "exists"):
        return _for_one(writer, node, node.target, focus)
    if writer.usual and (found := _of_several(writer, node, focus)) is not None:
        return found
    if node.target is not None and count == 0 and name in _ONE_OF:
        return writer.solid(writer.one(node.target, focus))
    if node.target is not None and count == 0 and name == "count":
        answer = writer.code.fresh()
        source = "R = 0 if V is None else 1"
        writer.code.run(source, R=answer, V=writer.solid(writer.local(writer.one(node.target, focus))))
        return writer.made(answer)
    function = FUNCTIONS.get(name)
    if function is not None and node.target is not None and _is_plain(function, (node.target, *node.arguments)):
        return _plain(writer, node, node.target, function, focus)
    return writer.outlined(node, focus)


def _of_several(writer: Writing, node: nodes.Call, focus: str) -> str | None:
    """The local of a call that goes over several items, where usual data have a short form of it; else None."""
    match node:
        case nodes.Call(name="distinct", arguments=()) if node.target is not None:
            return distinct_of(writer, node, focus)
        case nodes.Call(name="isDistinct"):
            return _of_none(writer, node, focus)
        case nodes.Call(name="combine", target=target, arguments=(other,)) if target is not None:
            answer, sides = writer.code.fresh(), [_branch(writer, part, focus) for part in (target, other)]
            writer.code.run(_EITHER, R=answer, A=sides[0], B=sides[1], ODD=writer.code.bind(Odd))
            return answer
    return None


def _of_none(writer: Writing, node: nodes.Call, focus: str) -> str | None:
    """The local of `path.where(test).select(part).isDistinct()`, True where the test leaves nothing; else None."""
    asked = node.target
    if not (isinstance(asked, nodes.Call) and asked.name == "select" and asked.target is not None):
        return None
    found = unwound(asked.target)
    if found is None:
        return None
    code, answer = writer.code, writer.code.fresh("b")
    items = filtered(writer, *found, focus)
    code.run("R = True", R=answer)
    with writer.inside(code.emit("if L:\n    ...", L=items)):
        code.run("R = V", R=answer, V=writer.solid(writer.outlined(node, focus)))
    return writer.made(answer, bool)


def _holds(writer: Writing, node: nodes.Expr, focus: str) -> str:
    return holds(writer, node, focus) if writer.usual else logic(writer, node, focus)


def _iif(writer: Writing, node: nodes.Call, focus: str) -> str:
    code, answer = writer.code, writer.code.fresh()
    condition = _holds(writer, node.arguments[0], focus)
    blocks: list[list[ast.stmt]] = [code.emit("if C:\n    ...\nelse:\n    pass", C=condition), []]
    setattr(code.block[-1], "orelse", blocks[1])  # noqa: B010 - a statement of our own template
    kinds = []
    for block, branch in zip(blocks, (*node.arguments[1:], nodes.Literal(None, 0, 0)), strict=False):
        with writer.inside(block):
            value = _branch(writer, branch, focus)
            kinds.append(writer.kind(value))
            code.run("R = V", R=answer, V=value)
    return _joined(writer, answer, kinds)


def _branch(writer: Writing, node: nodes.Expr, focus: str) -> Operand:
    """What one of several parts gives: in a function for usual data a list is found where the result is used."""
    value = writer.one(node, focus)
    return value if writer.usual else writer.solid(value)


def _joined(writer: Writing, answer: str, kinds: list[type | None]) -> str:
    """The local with the result of one of several parts, and what is known of it."""
    kind = _common(kinds)
    return writer.made(answer, kind) if kind is not None or not writer.usual else answer


def _common(kinds: list[type | None]) -> type | None:
    """The one class of values that are not None; None where they differ, or one is not known."""
    found = {kind for kind in kinds if kind is not type(None)}
    return found.pop() if len(found) == 1 else None


def _coalesce(writer: Writing, node: nodes.Call, focus: str) -> str:
    code, answer = writer.code, writer.code.fresh()
    unfilled = writer.unfilled
    first, *rest = [
        part for part in node.arguments if unfilled is None or not is_nothing(unfilled, part, focus)
    ] or node.arguments
    value = _branch(writer, first, focus)
    kinds = [writer.kind(value)]
    code.run("R = V", R=answer, V=value)
    with ExitStack() as nested:
        for number, argument in enumerate(rest, 1):
            if number % _DEEPEST == 0:
                nested.close()
            nested.enter_context(writer.inside(code.emit("if R is None:\n    ...", R=answer)))
            value = _branch(writer, argument, focus)
            kinds.append(writer.kind(value))
            code.run("R = V", R=answer, V=value)
    if value in writer.known.there or getattr(value, "value", None) is not None:
        writer.known.there.add(answer)
    return _joined(writer, answer, kinds)


def _for_one(writer: Writing, node: nodes.Call, target: nodes.Expr, focus: str) -> str:
    """`where`, `select` or `exists` of the one item of the target."""
    code, answer, part = writer.code, writer.code.fresh(), node.arguments[0]
    item = writer.local(writer.solid(writer.one(target, focus)))
    if node.name == "select" and is_pure(part):
        evaluate = evaluator(part, writer.functions)
        memory, function = remembered(lambda value: loose(evaluate(value, None)))
        code.run(_RECALLED, R=answer, V=item, MEMORY=code.bind(memory), F=code.bind(function))
        return answer
    if node.name == "select" and isinstance(part, nodes.Literal) and part.value.__class__ is str:
        code.run("R = None if V is None else C", R=answer, V=item, C=code.bind(part.value))
        return writer.made(answer, str)
    if writer.usual and node.name == "where":
        code.run("R = V if V is not None and C else None", R=answer, V=item, C=holds(writer, part, item))
        return writer.made(answer, writer.kind(item))
    code.run("R = N", R=answer, N=code.bind(False if node.name == "exists" else None))
    block = code.block if item in writer.known.there else code.emit("if V is not None:\n    ...", V=item)
    with writer.inside(block):
        if node.name == "select":
            code.run("R = V", R=answer, V=writer.one(part, item))
        else:
            truth = logic(writer, part, item)
            code.run("if C:\n    R = V", C=truth, R=answer, V=item if node.name == "where" else code.bind(True))
    return answer if node.name == "select" else writer.made(answer)


def behind(called: nodes.Call, part: nodes.Expr) -> bool:
    """True for a call whose one item, or nothing, an element is asked of: `where`, and `select` that is pure."""
    return called.target is not None and (called.name == "where" or (called.name == "select" and is_pure(part)))


def is_pure(node: nodes.Expr) -> bool:
    """True where the result depends on the text in `$this` alone."""
    return all(
        isinstance(part, nodes.Literal)
        or (isinstance(part, nodes.Special) and part.name == "this")
        or (isinstance(part, nodes.Member) and part.target is not None)
        or (isinstance(part, nodes.Call) and part.name in _PURE)
        for part in walk(node)
    ) and any(isinstance(part, nodes.Call) for part in walk(node))


def remembered(evaluate: Callable[[Any], Any]) -> tuple[dict[str, Any], Callable[[Any], Any]]:
    """What is remembered of a function of one item, and the function that remembers it."""
    memory: dict[str, Any] = {}

    def recall(value: Any) -> Any:
        made = evaluate(value)
        remember(memory, value, made)
        return made

    return memory, recall


def _is_plain(function: Function, parts: tuple[nodes.Expr, ...]) -> bool:
    """True for a function of single items that is called with what it takes, as far as that is written."""
    returns, count = function.returns, len(parts) - 1
    takes = (function.focus, *function.parameters(count))
    return (
        function.least <= count <= function.most
        and not (function.needs or function.typed)
        and returns is not None
        and not returns.many
        and all(map(_may_take, takes, map(literal_of, parts)))
    )


def _may_take(takes: str, value: Any) -> bool:
    kinds = {"String": (str,), "Integer": (int,), "Number": (int, Decimal), "Item": (str, int, bool, Decimal)}
    return takes in kinds and (value is ... or value.__class__ in kinds[takes])


def _plain(writer: Writing, node: nodes.Call, target: nodes.Expr, function: Function, focus: str) -> str:
    """A function of FHIRPath on one item: nothing where the focus or an argument is nothing."""
    code, answer = writer.code, writer.code.fresh()
    values = [_taken(writer, target, function.focus, focus)]
    for argument, takes in zip(node.arguments, function.parameters(len(node.arguments)), strict=True):
        values.append(_taken(writer, argument, takes, focus))
    names = {f"A{number}": value for number, value in enumerate(values)}
    kind = {STRING: str, DECIMAL: Decimal, INTEGER: int, BOOLEAN: bool}.get(function.returns or UNKNOWN)
    empty = " or ".join(f"{name} is None" for name, value in names.items() if isinstance(value, str)) or "False"
    if function.name == "substring" and isinstance(whole := _slice(node), str):
        source = f"R = A0[{whole}] or None if A0 is not None else None"
    elif function.name == "toDecimal":
        memory, call_of = remembered(function.call)
        code.run(_REMEMBERED, R=answer, MEMORY=code.bind(memory), F=code.bind(call_of), **names)
        return writer.made(answer, kind)
    else:
        source = f"R = None if {empty} else {_SHORT.get(function.name) or 'F(' + ', '.join(names) + ')'}"
    code.run(source, R=answer, F=code.bind(function.call), **names)
    return writer.made(answer, kind)


def _slice(node: nodes.Call) -> str | None:
    """The slice of a `substring` whose position and length are known: what is outside is an empty one."""
    values = [*map(literal_of, node.arguments)]
    if not all(value.__class__ is int for value in values) or values[0] < 0 or (values[1:] and values[1] < 1):
        return None
    return f"{values[0]}:{values[0] + values[1]}" if values[1:] else f"{values[0]}:"


def _taken(writer: Writing, node: nodes.Expr, takes: str, focus: str) -> Operand:
    value = writer.one(node, focus)
    if takes == "Item" or not isinstance(value, str):
        return writer.solid(value)
    source, kind = {"String": (_TEXT, str), "Integer": (_WHOLE, int), "Number": (_NUMBER, None)}[takes]
    if kind is None or writer.kind(value) is not kind:
        writer.code.run(source, V=value, ODD=writer.code.bind(Odd), D=writer.code.bind(Decimal))
    return writer.made(value, kind)


def _added(writer: Writing, node: nodes.Call, focus: str) -> Operand:
    """A function of the mapping language: its twin for one item, or the function itself on lists."""
    code, answer = writer.code, writer.code.fresh()
    if node.target is None and node.name not in ("ref", "lookup"):
        return writer.outlined(node, focus)
    make = writer.functions.twins.get(node.name)
    literals = [*map(literal_of, node.arguments)]
    twin = make(*literals) if make is not None else None
    item = code.bind(None) if node.target is None else writer.solid(writer.one(node.target, focus))
    if twin is not None:
        rest = [writer.solid(writer.one(node.arguments[number], focus)) for number in twin.rest]
        names = {f"A{number}": value for number, value in enumerate([item, *rest])}
        same = (
            (node.name, *literals, item) if node.target is not None and isinstance(item, str) and not rest else None
        )
        if same in writer.known.calls:
            return writer.known.calls[same]
        memory = writer.times() if twin.is_local_time else code.bind(twin.memory)
        made = writer.referred.get(literals[0]) if node.name == "ref" else None
        if made and writer.unfilled is not None and made == writer.unfilled.nothing:
            return code.bind(None)
        source = _twin_source(node, twin, names, made)
        code.run(source, R=answer, L=made or "scope", F=code.bind(twin.call), RECALL=code.bind(twin.recall),
                 MEMORY=memory, NAME=code.bind(literals[0] if literals else None), **names)  # fmt: skip
        if same is not None:
            writer.known.calls[same] = answer
        return writer.made(answer, twin.kind) if twin.kind is not None else answer
    lists = {"A0": _as_list(writer, item)}
    for number, argument in enumerate(node.arguments, 1):
        lists[f"A{number}"] = _as_list(writer, writer.solid(writer.one(argument, focus)))
    spec = writer.functions.specs[node.name]
    listed = ", ".join(["env()", *lists] if spec.env else lists)
    code.run(f"R = LOOSE(F({listed}))", R=answer, LOOSE=code.bind(loose), F=code.bind(spec.call), **lists)
    return answer


def _twin_source(node: nodes.Call, twin: Twin, names: Collection[str], made: str | None) -> str:
    """The call of a twin, left out where it would give nothing: for nothing, and for an emit that made nothing.

    `made` is the local with what the emit of a `ref` made, where there is one.
    """
    if node.target is None:
        some = "L" if made else "scope.made.get(NAME)"
        return f"R = F(A0) if {some} else None" if len(names) == 1 else f"R = F({', '.join(names)})"
    if twin.memory is not None or (twin.is_local_time and len(names) == 1):
        return _REMEMBERED
    if twin.recall is not None:
        return _TWIN
    return "R = None if A0 is None else F(A0)" if len(names) == 1 else f"R = F({', '.join(names)})"


def _as_list(writer: Writing, value: Operand) -> Operand:
    code = writer.code
    if not isinstance(value, str):
        known = getattr(value, "value", ...)
        if known is not ...:
            return code.bind(_NOTHING if known is None else [known])
    made = code.fresh("l")
    code.run("L = [] if V is None else [V]", L=made, V=value)
    return made
