"""Generated functions with fewer steps and fewer locals, which do the same.

The writers give each part of an expression a local of its own. A local that is read once, first of all in the
statement behind it, is put there; the others share names where one is done with before the next one begins: Python
clears every local of a call, and a record's function has hundreds. A local that is nothing is asked for it once.
"""

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any, Final, TypeAlias

_BLOCKS: Final = ("body", "orelse", "finalbody")
_INNER: Final = (ast.FunctionDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FIRST: Final[dict[type, tuple[str, ...]]] = {
    ast.Compare: ("left", "comparators"),
    ast.Call: ("func", "args"),
    ast.BinOp: ("left", "right"),
    ast.Subscript: ("value", "slice"),
    ast.Tuple: ("elts",),
    ast.List: ("elts",),
    ast.BoolOp: ("values",),
    ast.IfExp: ("test",),
    ast.UnaryOp: ("operand",),
    ast.Attribute: ("value",),
    ast.JoinedStr: ("values",),
    ast.FormattedValue: ("value",),
}
"""The parts of an expression that are surely evaluated, in their order; of a list of `_ONE` its first alone is."""

_ONE: Final = (ast.BoolOp, ast.Compare)
_ROOTS: Final[dict[type, str]] = {
    ast.Assign: "value",
    ast.AugAssign: "value",
    ast.Expr: "value",
    ast.Return: "value",
    ast.If: "test",
    ast.For: "iter",
}
"""The expression that a statement evaluates first, and once."""

_BARE: Final = frozenset(
    [
        "arg",
        "attr",
        "conversion",
        "ctx",
        "id",
        "is_async",
        "kind",
        "name",
        "names",
        "op",
        "ops",
        "simple",
        "type_comment",
    ]
)
"""Fields that hold texts, numbers, contexts and operators, whatever has them."""

_PARTS: Final[dict[type, tuple[str, ...]]] = {
    kind: () if kind in (ast.Name, ast.Constant) else tuple(one for one in kind._fields if one not in _BARE)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
"""The fields of each kind of node in which nodes may be that have a name in them."""

_NEAR: Final = 3
"""How many statements before the last one a local is assigned that is another one in the end."""

_APART: Final = (*_INNER, ast.Break, ast.Continue)
_NOWHERE: Final = {"lineno": 1, "col_offset": 0, "end_lineno": 1, "end_col_offset": 0}

_Put: TypeAlias = Callable[[ast.expr], None]
_Span: TypeAlias = list[int]


def tidied(module: ast.Module) -> ast.Module:
    """The same module, changed in place."""
    stored: Counter[str] = Counter()
    loaded: Counter[str] = Counter()
    for node in nodes_of(module):
        if isinstance(node, ast.Name):
            (loaded if isinstance(node.ctx, ast.Load) else stored)[node.id] += 1
    _join(module.body, {name for name, count in loaded.items() if count == 1 == stored[name]}, loaded + stored)
    for node in nodes_of(module):
        if isinstance(node, ast.FunctionDef):
            _rename(node)
    return module


def nodes_of(root: ast.AST) -> list[ast.AST]:
    """What `ast.walk` gives, without contexts and operators, in half its time: functions have 25,000 nodes."""
    found = [root]
    for node in found:
        for field in _PARTS[type(node)]:
            value = getattr(node, field, None)
            if isinstance(value, list):
                found.extend(filter(None, value))
            elif value is not None:
                found.append(value)
    return found


def _join(block: list[ast.stmt], once: set[str], named: Counter[str]) -> None:
    """Puts what locals that are read once stand for where they are read; `named` counts where any local stands."""
    kept: list[ast.stmt] = []
    for statement in block:
        for inner in _blocks(statement):
            _join(inner, once, named)
        while kept and (found := _assigned(kept[-1], once)) is not None:
            put = _place(statement, found[0])
            if put is None:
                break
            put(found[1])
            kept.pop()
        kind = type(statement)
        if kind is ast.Assign and _takes_over(kept, statement, once, named):
            continue
        if kind is ast.If and kept and type(kept[-1]) is ast.If and _goes_into(statement, kept[-1]):
            continue
        kept.append(statement)
    block[:] = kept


def _takes_over(kept: list[ast.stmt], statement: ast.stmt, once: set[str], named: Counter[str]) -> bool:
    """Whether a local was made for the one to which it is assigned at last: that takes its place from the start."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name(id=other)) if name != other:
            start = next((at for at in range(len(kept))[-_NEAR:] if _assigns(kept[at], other)), None)
            if start is None:
                return False
            nodes = [node for one in kept[start:] for node in nodes_of(one)]
            names = Counter(node.id for node in nodes if isinstance(node, ast.Name))
            if names[other] + 1 < named[other] or name in names or any(isinstance(node, _APART) for node in nodes):
                return False
            for one in kept[start:]:
                _retitle(one, {other: name})
            named[name] += named.pop(other) - 2
            once.discard(name)
            return True
    return False


def _assigns(statement: ast.stmt, name: str) -> bool:
    match statement:
        case ast.Assign(targets=[ast.Name(id=found)]):
            return found == name
    return False


def _goes_into(statement: ast.stmt, before: ast.stmt) -> bool:
    """Puts `if V is None` into `if V is None and ...` that stands before it, whose other tests go inside."""
    match before, statement:
        case ast.If(test=ast.BoolOp(op=ast.And(), values=[first, *others]), orelse=[]), ast.If(test=test, orelse=[]):
            name = _nothing(test)
            if name is None or _nothing(first) != name:
                return False
            rest = others[0] if len(others) == 1 else ast.BoolOp(ast.And(), others, **_NOWHERE)
            before.test, before.body = test, [ast.If(rest, before.body, [], **_NOWHERE), statement]
            return True
    return False


def _nothing(test: ast.expr) -> str | None:
    """The local of which a test asks whether it is None; None for other tests."""
    match test:
        case ast.Compare(left=ast.Name(id=name), ops=[ast.Is()], comparators=[ast.Constant(value=None)]):
            return name
    return None


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in _BLOCKS:
        yield getattr(statement, name, [])
    for handler in getattr(statement, "handlers", ()):
        yield handler.body


def _assigned(statement: ast.stmt, once: set[str]) -> tuple[str, ast.expr] | None:
    """The local and the value of an assignment to one that is read once."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in once:
            return name, value
    return None


def _place(statement: ast.stmt, name: str) -> _Put | None:
    """What puts an expression where a statement reads a local before it does anything else; None elsewhere."""
    field = _ROOTS.get(type(statement))
    if field is None or (isinstance(statement, ast.AugAssign) and not isinstance(statement.target, ast.Name)):
        return None
    found = _sought(statement, [field], name)
    return found if callable(found) else None


def _sought(node: Any, fields: Sequence[str], name: str) -> _Put | bool:
    """What puts an expression in place of the local; else whether all that is evaluated are names and constants."""
    for field in fields:
        value = getattr(node, field)
        for number, part in enumerate(value if isinstance(value, list) else (value,)):
            if isinstance(part, ast.Name) and part.id == name:
                return _putting(node, field, number)
            found = isinstance(part, ast.Name | ast.Constant) or _inside(part, name)
            if found is not True:
                return found
            if isinstance(node, _ONE) and isinstance(value, list):
                return False
    return True


def _inside(part: ast.AST | None, name: str) -> _Put | bool:
    found = _sought(part, _FIRST.get(type(part), ()), name) if type(part) in _FIRST else False
    return found if callable(found) else False


def _putting(node: Any, field: str, number: int) -> _Put:
    def put(expression: ast.expr) -> None:
        value = getattr(node, field)
        if isinstance(value, list):
            value[number] = expression
        else:
            setattr(node, field, expression)

    return put


def _rename(function: ast.FunctionDef) -> None:
    """Gives locals that are not needed at the same time one name."""
    spans = _Spans({argument.arg for argument in function.args.args})
    spans.block(function.body)
    free: list[str] = []
    busy: list[tuple[int, str]] = []
    names: dict[str, str] = {}
    for name, (start, end) in sorted(spans.settled(), key=lambda one: one[1]):
        while busy and busy[0][0] < start:
            heappush(free, heappop(busy)[1])
        title = heappop(free) if free else name
        heappush(busy, (end, title))
        if title != name:
            names[name] = title
    if names:
        _retitle(function, names)


def _retitle(function: ast.stmt, names: Mapping[str, str]) -> None:
    for node in nodes_of(function):
        for field in _PARTS[type(node)]:
            value = getattr(node, field, None)
            if isinstance(value, list):
                for number, one in enumerate(value):
                    if isinstance(one, ast.Name) and one.id in names:
                        value[number] = _named(one, names[one.id])
            elif isinstance(value, ast.Name) and value.id in names:
                setattr(node, field, _named(value, names[value.id]))


def _named(node: ast.Name, title: str) -> ast.Name:
    """A node may stand in several places, and is left as it is."""
    return ast.Name(title, node.ctx, lineno=1, col_offset=0, end_lineno=1, end_col_offset=0)


class _Spans:
    """From which step to which each local of a function is needed."""

    def __init__(self, fixed: set[str]) -> None:
        self._found: dict[str, _Span] = {}
        self._stored: dict[str, tuple[int, ...]] = {}
        """In which block each was assigned first: the steps at which those around it begin."""
        self._within: tuple[int, ...] = ()
        self._early: set[str] = set()
        self._fixed = fixed
        self._loops: list[_Span] = []
        self._step = 0

    def block(self, statements: Sequence[ast.stmt]) -> None:
        """Goes through the statements in their order."""
        around, self._within = self._within, (*self._within, self._step)
        for statement in statements:
            self._step += 1
            if isinstance(statement, ast.Nonlocal | ast.Global):
                self._fixed.update(statement.names)
            elif isinstance(statement, ast.FunctionDef):
                self._keep(statement)
            else:
                self._statement(statement)
        self._within = around

    def settled(self) -> list[tuple[str, _Span]]:
        """The locals that no other function sees; of what a loop may need from the turn before, all of its turns."""
        for start, end in self._loops:
            for name, span in self._found.items():
                if span[0] < start <= span[1] <= end:
                    span[1] = end
                elif start <= span[0] <= end and (span[1] > end or name in self._early):
                    span[:] = start, max(span[1], end)
        return [one for one in self._found.items() if one[0] in self._stored.keys() - self._fixed]

    def _statement(self, statement: ast.stmt) -> None:
        start = self._step
        heads = [child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.expr)]
        for head in reversed(heads):  # what is assigned comes first there, and is evaluated last
            self._expression(head)
        for inner in _blocks(statement):
            self._step += 1
            self.block(inner)
        self._step += 1
        if isinstance(statement, ast.For | ast.While):
            self._loops.append([start, self._step])

    def _expression(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name):
            self._name(node)
        elif isinstance(node, _INNER):
            self._keep(node)
        else:
            for child in ast.iter_child_nodes(node):
                self._expression(child)

    def _name(self, node: ast.Name) -> None:
        span = self._found.setdefault(node.id, [self._step, self._step])
        span[1] = self._step
        if not isinstance(node.ctx, ast.Load):
            self._stored.setdefault(node.id, self._within)
        elif self._within[: len(self._stored.get(node.id, (0,)))] != self._stored.get(node.id):
            self._early.add(node.id)

    def _keep(self, node: ast.AST) -> None:
        self._fixed.update(one.id for one in nodes_of(node) if isinstance(one, ast.Name))
