"""Statements once more, for the case that something is known of their locals: without what cannot happen then.

Nothing of the original is changed, and what is assigned has other names, so that both may stand in one function.
"""

import ast
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final, TypeAlias

from gateway.mapping.fast.tidied import nodes_of

_ENDS: Final = (ast.Break, ast.Continue, ast.Raise)
_TOLD: Final = (ast.Attribute, ast.BinOp, ast.Call, ast.Compare, ast.Dict, ast.FormattedValue, ast.List, ast.Slice,
                ast.Subscript, ast.Tuple, ast.UnaryOp, ast.keyword, ast.operator, ast.unaryop, ast.cmpop,
                ast.expr_context, ast.Expr, ast.Raise, ast.Assign)  # fmt: skip
"""What is told again part by part."""


class Fact(Enum):
    """What may be known of a local: it is not None; Python takes it for true; for false."""

    THERE = "there"
    TRUE = "true"
    FALSE = "false"


Known: TypeAlias = dict[str, ast.Constant | str | Fact]
"""The value of a local, the name of another one that has the same, or a fact."""


class StrangeError(Exception):
    """A statement or an expression of a kind that is not told again."""


class Folding:
    """Tells statements again; `fresh` gives the names of what they assign, but for what they read before.

    What is known holds at the first statement. Nothing else may be read after it is assigned in some turns only.
    """

    def __init__(self, known: Mapping[str, ast.Constant | str | Fact], fresh: Callable[[], str]) -> None:
        self._known: Known = dict(known)
        self._fresh = fresh
        self._titles: dict[str, str] = {}
        self._as_before: set[str] = set()
        self._several: Collection[str] = ()
        """The locals that are assigned more than once: another one does not stand for these."""

    def block(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        """The statements as far as they may be come to; raises `StrangeError`."""
        if not self._several:
            counts = Counter(one.id for one in names_in(statements) if isinstance(one.ctx, ast.Store))
            self._several = frozenset(name for name, count in counts.items() if count > 1)
        found: list[ast.stmt] = []
        for statement in statements:
            found += self._statement(statement)
            if _ends(found):
                break
        return found

    def _statement(self, statement: ast.stmt) -> list[ast.stmt]:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                return [self._assign(name, value)]
            case ast.Assign(targets=[ast.Tuple(elts=elements)], value=value):
                told = self._told(value)
                targets = list[ast.expr](self._stored(_name_of(one)) for one in elements)
                return [ast.Assign([ast.Tuple(targets, ast.Store())], told)]
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                self._title(name)
                told = self._told(value)
                return [ast.AugAssign(self._stored(name), op, told)]
            case ast.If():
                return self._if(statement)
            case ast.While(orelse=[]) | ast.For(orelse=[]):
                return [self._loop(statement)]
            case ast.Assign() | ast.Expr() | ast.Raise():
                return [self._again(statement)]
            case ast.Break() | ast.Continue():
                return [statement]
            case ast.Pass():
                return []
        raise StrangeError

    def _assign(self, name: str, value: ast.expr) -> ast.stmt:
        told, learnt = self._told(value), self._learnt(value)
        if isinstance(learnt, str) and name in self._several:
            learnt = self._about(learnt)
        made = ast.Assign([self._stored(name)], told)
        if learnt is not None and learnt != name:
            self._known[name] = learnt
        return made

    def _if(self, statement: ast.If) -> list[ast.stmt]:
        truth = self.truth(statement.test)
        if truth is not None:
            return self.block(statement.body if truth else statement.orelse)
        test, before = self._told(statement.test), self._known
        body, then = self._branch(statement.body, statement.test, before, holds=True)
        orelse, otherwise = self._branch(statement.orelse, statement.test, before, holds=False)
        if _ends(body):
            self._known = otherwise
        elif _ends(orelse):
            self._known = then
        else:
            self._known = {name: one for name, one in then.items() if _is_same(one, otherwise.get(name))}
        if not body and orelse:
            return [ast.If(ast.UnaryOp(ast.Not(), test), orelse, [])]
        return [ast.If(test, body, orelse)] if body else [] if is_pure(test) else [ast.Expr(test)]

    def _branch(
        self, statements: Sequence[ast.stmt], test: ast.expr, before: Known, *, holds: bool
    ) -> tuple[list[ast.stmt], Known]:
        self._known = before.copy()
        for name, fact in _told_by(test, holds=holds):
            other = before.get(name)
            title = other if isinstance(other, str) else name
            if before.get(title) in (None, Fact.THERE):
                self._known[title] = fact
        return self.block(statements), self._known

    def _loop(self, statement: ast.While | ast.For) -> ast.stmt:
        """A loop may come again to all that is assigned in it."""
        items = self._told(statement.iter) if isinstance(statement, ast.For) else None
        for one in names_in([statement]):
            if isinstance(one.ctx, ast.Store):
                self._stored(one.id)
        before = self._known.copy()
        made: ast.While | ast.For
        if isinstance(statement, ast.While):
            made = ast.While(self._told(statement.test), [], [])
        else:
            assert items is not None
            made = ast.For(self._stored(_name_of(statement.target)), items, [], [])
        made.body = self.block(statement.body) or [ast.Pass()]
        self._known = before
        return made

    # Names

    def _title(self, name: str) -> str:
        """The name of a local that is read."""
        found = self._titles.get(name)
        if found is None:
            self._as_before.add(name)
        return found or name

    def _stored(self, name: str) -> ast.Name:
        """A local that is assigned, of which nothing is known yet; one that was read before keeps its name."""
        if name not in self._as_before and name not in self._titles:
            self._titles[name] = self._fresh()
        self._known.pop(name, None)
        for other in [other for other, one in self._known.items() if one == name]:
            del self._known[other]
        return ast.Name(self._titles.get(name, name), ast.Store())

    # What is known

    def truth(self, node: ast.expr) -> bool | None:
        """What Python takes an expression for; None where that is not known."""
        match node:
            case ast.Constant(value=value):
                return bool(value)
            case ast.Name(id=name):
                found = self._about(name)
                if isinstance(found, ast.Constant):
                    return bool(found.value)
                return None if found in (None, Fact.THERE) else found is Fact.TRUE
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                truth = self.truth(operand)
                return None if truth is None else not truth
            case ast.BoolOp(op=op, values=values):
                truths = {self.truth(value) for value in values if is_pure(value)}
                decides = isinstance(op, ast.Or)
                if decides in truths:
                    return decides if all(map(is_pure, values)) else None
                return not decides if truths == {not decides} and all(map(is_pure, values)) else None
            case ast.IfExp(test=test, body=body, orelse=orelse) if (truth := self.truth(test)) is not None:
                return self.truth(body if truth else orelse)
            case ast.Compare(
                left=ast.Name(id=name), ops=[ast.Is() | ast.IsNot() as op], comparators=[ast.Constant()]
            ):
                return self._is(self._about(name), node.comparators[0], isinstance(op, ast.Is))
        return None

    def _about(self, name: str) -> ast.Constant | Fact | None:
        found = self._known.get(name)
        if isinstance(found, str):
            found = self._known.get(found)
        return None if isinstance(found, str) else found

    def _is(self, found: ast.Constant | Fact | None, other: Any, wanted: bool) -> bool | None:
        """Whether what is known of a local says that it is, or is not, None, True or False."""
        if isinstance(found, ast.Constant):
            return (found.value is other.value) is wanted
        if other.value is None and found in (Fact.THERE, Fact.TRUE):
            return not wanted
        return None

    def _learnt(self, value: ast.expr) -> ast.Constant | str | Fact | None:
        """What is known of a local with this value."""
        match value:
            case ast.Constant():
                return value
            case ast.Name(id=name):
                found = self._known.get(name)
                return found if isinstance(found, ast.Constant | str) else name
            case ast.IfExp(test=test, body=body, orelse=orelse) if (truth := self.truth(test)) is not None:
                return self._learnt(body if truth else orelse)
        truth = self.truth(value)
        return None if truth is None else Fact.TRUE if truth else Fact.FALSE

    # Expressions

    def _told(self, node: ast.expr) -> ast.expr:
        """The expression again, what is known in place of what it is made of."""
        match node:
            case ast.Constant():
                return node
            case ast.Name(id=name):
                found = self._known.get(name)
                if isinstance(found, ast.Constant):
                    return found
                return ast.Name(self._title(found if isinstance(found, str) else name), ast.Load())
            case ast.BoolOp(op=op, values=values):
                return self._chained(op, values)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                truth = self.truth(test)
                if truth is not None:
                    return self._told(body if truth else orelse)
                return ast.IfExp(self._told(test), self._told(body), self._told(orelse))
            case ast.Compare() | ast.UnaryOp(op=ast.Not()) if (truth := self.truth(node)) is not None:
                return ast.Constant(truth)
            case ast.JoinedStr(values=values):
                return ast.JoinedStr([part for one in values if (part := self._part(one)) is not None])
        made: ast.expr = self._again(node)
        return made

    def _chained(self, op: ast.boolop, values: Sequence[ast.expr]) -> ast.expr:
        """The operands of `and` or `or` that may decide."""
        found: list[ast.expr] = []
        for number, value in enumerate(values, 1):
            truth = self.truth(value)
            decides = truth is not None and truth is isinstance(op, ast.Or)
            if truth is None or decides or number == len(values):
                found.append(self._told(value))
            if decides:
                break
        return found[0] if len(found) == 1 else ast.BoolOp(op, found)

    def _part(self, node: ast.expr) -> ast.expr | None:
        """A part of an f-string; None for one that is empty."""
        made = node if isinstance(node, ast.Constant) else self._again(node)
        match made:
            case ast.FormattedValue(value=ast.Constant(value=str() as text), conversion=-1, format_spec=None):
                return ast.Constant(text) if text else None
        return made

    def _again(self, node: Any) -> Any:
        """A node with each of its parts told again."""
        if not isinstance(node, _TOLD):
            raise StrangeError
        fields: dict[str, Any] = {}
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                fields[name] = [self._each(one) for one in value]
            else:
                fields[name] = self._each(value)
        return type(node)(**fields)

    def _each(self, value: Any) -> Any:
        if isinstance(value, ast.Name) and isinstance(value.ctx, ast.Store):
            return self._stored(value.id)
        if isinstance(value, ast.expr):
            return self._told(value)
        return self._again(value) if isinstance(value, ast.keyword) else value


def is_pure(node: ast.AST) -> bool:
    """True for an expression of locals and constants that can neither fail nor do anything."""
    match node:
        case ast.Name() | ast.Constant():
            return True
        case ast.BoolOp(values=values):
            return all(map(is_pure, values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return is_pure(operand)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return is_pure(test) and is_pure(body) and is_pure(orelse)
        case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot()], comparators=[right]):
            return is_pure(left) and is_pure(right)
    return False


def names_in(nodes: Sequence[ast.AST]) -> Iterator[ast.Name]:
    """All names in them."""
    return (one for node in nodes for one in nodes_of(node) if one.__class__ is ast.Name)


def _name_of(node: ast.expr) -> str:
    if not isinstance(node, ast.Name):
        raise StrangeError
    return node.id


def _ends(block: Sequence[ast.stmt]) -> bool:
    return bool(block) and isinstance(block[-1], _ENDS)


def _is_same(one: ast.Constant | str | Fact, other: ast.Constant | str | Fact | None) -> bool:
    if isinstance(one, ast.Constant) and isinstance(other, ast.Constant):
        return one.value.__class__ is other.value.__class__ and bool(one.value == other.value)
    return one == other


def _told_by(test: ast.expr, *, holds: bool) -> Iterator[tuple[str, ast.Constant | Fact]]:
    """What is known of locals where a test holds, or does not."""
    match test:
        case ast.Name(id=name):
            yield name, Fact.TRUE if holds else Fact.FALSE
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from _told_by(operand, holds=not holds)
        case ast.BoolOp(op=op, values=values) if isinstance(op, ast.And) is holds:
            for value in values:
                yield from _told_by(value, holds=holds)
        case ast.Compare(
            left=ast.Name(id=name), ops=[ast.Is() | ast.IsNot() as op], comparators=[ast.Constant(value=None)]
        ):
            yield name, ast.Constant(None) if isinstance(op, ast.Is) is holds else Fact.THERE
