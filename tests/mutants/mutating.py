"""The small changes of a module: a comparison turned, a condition negated, a constant changed, a refusal left out."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

_COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_OPERATORS: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_LEFT_ALONE: Final = frozenset({"annotation", "returns", "decorator_list", "type_params", "type_comment"})
"""What a program does does not depend on these, or on nothing that a test of it could see."""

_BLOCKS: Final = ("body", "orelse", "finalbody")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is: within which class or function ("" for none of them), whether it runs when the module is
    imported, and the lines of its statement, of a compound one those before its first block."""

    within: str = ""
    at_import: bool = True
    first: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed module: where and how, and its code."""

    place: Place
    line: int
    change: str
    tree: ast.Module = field(repr=False)


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its text."""
    original = ast.parse(source)
    unchanged = ast.dump(original)
    for number, (node, change, place) in enumerate(_changes(original)):
        tree = ast.parse(source)
        _apply(tree, number)
        if ast.dump(tree) != unchanged:
            yield Mutant(place, getattr(node, "lineno", place.first), change, ast.fix_missing_locations(tree))


def _apply(tree: ast.Module, wanted: int) -> None:
    for number, (node, change, _place) in enumerate(_changes(tree)):
        if number == wanted:
            _CHANGES[change.partition(":")[0]](node)
            return


def _changes(tree: ast.Module) -> Iterator[tuple[Any, str, Place]]:
    for node, place in _walk(tree, Place()):
        for change, told in _SEEN.items():
            words = told(node)
            if words is not None:
                yield node, f"{change}: {words[:60]}", place
        for name in _BLOCKS:
            for statement, change in _left_out(node, name):
                yield statement, change, _place_of(statement, _inside(node, name, place))


def _words(node: Any) -> str:
    return ast.unparse(node)


_SEEN: Final[dict[str, Callable[[Any], str | None]]] = {
    "comparison": lambda node: (
        _words(node) if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS else None
    ),
    "and/or": lambda node: _words(node) if isinstance(node, ast.BoolOp) else None,
    "not": lambda node: _words(node) if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) else None,
    "operator": lambda node: _words(node) if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS else None,
    "constant": lambda node: (
        repr(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str | int) else None
    ),
    "condition": lambda node: _words(node.test) if isinstance(node, ast.If | ast.IfExp) else None,
    "return": lambda node: (
        _words(node.value) if isinstance(node, ast.Return) and node.value and not _is_none(node.value) else None
    ),
    "filter": lambda node: _words(node.ifs[0]) if isinstance(node, ast.comprehension) and node.ifs else None,
}


def _left_out(node: ast.AST, name: str) -> Iterator[tuple[Any, str]]:
    block = getattr(node, name, None)
    if isinstance(block, list):
        for statement in block:
            if isinstance(statement, ast.Raise) or (
                isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Constant)
            ):
                yield statement, f"left out: {ast.unparse(statement)[:60]}"


def _walk(node: ast.AST, place: Place) -> Iterator[tuple[ast.AST, Place]]:
    """All that runs: not annotations, decorators, docstrings or the words of a literal f-string."""
    yield node, place
    for name, value in ast.iter_fields(node):
        if name in _LEFT_ALONE:
            continue
        for child in value if isinstance(value, list) else [value]:
            if (
                isinstance(child, ast.AST)
                and not _is_text(child)
                and not isinstance(child, ast.Import | ast.ImportFrom)
                and not _is_type(child)
            ):
                yield from _walk(child, _place_of(child, _inside(node, name, place)))


def _inside(node: ast.AST, field_name: str, place: Place) -> Place:
    """The place of what is in a field of a node: the body of a function is in it, its defaults are not."""
    if field_name != "body" or not isinstance(node, ast.FunctionDef | ast.ClassDef):
        return place
    at_import = place.at_import and isinstance(node, ast.ClassDef)
    return replace(place, within=f"{place.within}.{node.name}".strip("."), at_import=at_import)


def _place_of(child: ast.AST, outer: Place) -> Place:
    if not isinstance(child, ast.stmt):
        return outer
    blocks = [block[0].lineno for name in _BLOCKS if isinstance(block := getattr(child, name, None), list) and block]
    last = max(child.lineno, min(blocks) - 1) if blocks else child.end_lineno or child.lineno
    return replace(outer, first=child.lineno, last=last)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_type(node: ast.AST) -> bool:
    """Whether it is `Name: TypeAlias = ...`, which annotations are made of."""
    return isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias"


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _turn(node: Any) -> None:
    node.ops[0] = _COMPARISONS[type(node.ops[0])]()


def _and_or(node: Any) -> None:
    node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()


def _no_not(node: Any) -> None:
    node.op, node.operand = ast.Not(), ast.UnaryOp(ast.Not(), node.operand)


def _operator(node: Any) -> None:
    node.op = _OPERATORS[type(node.op)]()


def _constant(node: Any) -> None:
    value = node.value
    node.value = not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else f"{value}~"


def _negate(node: Any) -> None:
    node.test = ast.UnaryOp(ast.Not(), node.test)


def _return(node: Any) -> None:
    node.value = ast.Constant(None)


def _filter(node: Any) -> None:
    node.ifs[0] = ast.Constant(True)


def _leave_out(node: Any) -> None:
    node.__class__ = ast.Pass
    node._fields = ()


_CHANGES: Final = {
    "comparison": _turn,
    "and/or": _and_or,
    "not": _no_not,
    "operator": _operator,
    "constant": _constant,
    "condition": _negate,
    "return": _return,
    "filter": _filter,
    "left out": _leave_out,
}
