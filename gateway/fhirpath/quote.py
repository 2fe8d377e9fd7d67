"""Python syntax written as a template and built again and again with other names in it.

A template is constant source of this package, parsed once; an expression's text never becomes source. `...` alone
in a block marks where the caller's statements go.
"""

import ast
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Substitutes: TypeAlias = Mapping[str, str | ast.expr]
"""What stands for a name of the template: another name, or an expression."""

Place: TypeAlias = dict[str, int]
Build: TypeAlias = Callable[[Substitutes, Place, list[list[Any]]], Any]

_PLACED: Final = (ast.stmt, ast.expr, ast.ExceptHandler, ast.arg, ast.keyword)
_NOWHERE: Final[Place] = {"lineno": 1, "col_offset": 0, "end_lineno": 1, "end_col_offset": 0}
_TITLES: Final[Mapping[type, str]] = {ast.FunctionDef: "name", ast.arg: "arg"}
_LOAD: Final = ast.Load()


class Template:
    """Statements to build; a name that is among the substitutes is replaced."""

    __slots__ = ("_build",)

    def __init__(self, source: str) -> None:
        self._build = _block(ast.parse(source).body)

    def build(self, names: Substitutes, line: int) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """The statements, all placed at `line`, and the block in which the template has its `...`."""
        holes: list[list[Any]] = []
        place = {"lineno": line, "col_offset": 0, "end_lineno": line, "end_col_offset": 0}
        return self._build(names, place, holes), holes[0] if holes else []


def _block(nodes: list[Any]) -> Build:
    """Builds a list of nodes; the `...` in it becomes the block that the caller fills."""
    is_hole = any(_is_ellipsis(node) for node in nodes)
    builders = [_node(node) for node in nodes if not _is_ellipsis(node)]

    def build(names: Substitutes, place: Place, holes: list[list[Any]]) -> Any:
        built = [builder(names, place, holes) for builder in builders]
        if is_hole:
            holes.append(built)
        return built

    return build


def _is_ellipsis(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...


def _node(node: Any) -> Build:
    if isinstance(node, ast.Name):
        return _name(node)
    if isinstance(node, ast.Constant) or not node._fields:
        return lambda _names, _place, _holes: node
    return _composite(node)


def _name(node: ast.Name) -> Build:
    text, context = node.id, node.ctx

    def build(names: Substitutes, _place: Place, _holes: list[list[Any]]) -> Any:
        other = names.get(text)
        if other is None:
            return node
        return ast.Name(other, context, **_NOWHERE) if other.__class__ is str else other

    return build


def _composite(node: Any) -> Build:
    kind: type[Any] = node.__class__
    placed = isinstance(node, _PLACED)
    title = _TITLES.get(kind)
    fixed: dict[str, Any] = {}
    parts: list[tuple[str, Build]] = []
    for field in node._fields:
        value = getattr(node, field, None)
        if isinstance(value, list):
            parts.append((field, _block(value)))
        elif isinstance(value, ast.AST):
            parts.append((field, _node(value)))
        else:
            fixed[field] = value

    def build(names: Substitutes, place: Place, holes: list[list[Any]]) -> Any:
        built = kind()
        fields = built.__dict__
        fields.update(fixed)
        if placed:
            fields.update(place)
        if title is not None:
            fields[title] = names.get(fixed[title], fixed[title])
        for field, builder in parts:
            fields[field] = builder(names, place, holes)
        return built

    return build


def name(text: str) -> ast.Name:
    """A Python name."""
    return ast.Name(text, _LOAD, **_NOWHERE)


def constant(value: str | int | bool | None) -> ast.Constant:
    """A Python constant."""
    return ast.Constant(value=value, lineno=1, col_offset=0, end_lineno=1, end_col_offset=0)
