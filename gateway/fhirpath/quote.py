"""Python syntax written as a template and built again and again with other names in it.

A template is constant source of this package, parsed once; an expression's text never becomes source. `...` alone
in a block marks where the caller's statements go.
"""

import ast
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Substitutes: TypeAlias = Mapping[str, str | ast.expr]
"""What stands for a name of the template: another name, or an expression."""

Build: TypeAlias = Callable[[Substitutes, int, list[list[Any]]], Any]
"""Makes a node or a list of them, placed at a line; adds the block of a `...` to the list of holes."""

_PLACED: Final = (ast.stmt, ast.expr, ast.ExceptHandler, ast.arg, ast.keyword)
_NOWHERE: Final = {"lineno": 1, "col_offset": 0, "end_lineno": 1, "end_col_offset": 0}
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
        return self._build(names, line, holes), holes[0] if holes else []


def _block(nodes: list[Any]) -> Build:
    """Builds a list of nodes; the `...` in it becomes the block that the caller fills."""
    is_hole = any(_is_ellipsis(node) for node in nodes)
    builders = [_node(node) for node in nodes if not _is_ellipsis(node)]
    if len(builders) == 1 and not is_hole:
        only = builders[0]
        return lambda names, line, holes: [only(names, line, holes)]

    def build(names: Substitutes, line: int, holes: list[list[Any]]) -> Any:
        built = [builder(names, line, holes) for builder in builders]
        if is_hole:
            holes.append(built)
        return built

    return build


def _is_ellipsis(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...


def _is_fixed(value: Any) -> bool:
    """Whether a field is the same in every use of the template, so that all may share it."""
    if isinstance(value, list):
        return all(map(_is_fixed, value))
    return not isinstance(value, ast.AST) or isinstance(value, ast.Constant) or not value._fields


def _node(node: Any) -> Build:
    if isinstance(node, ast.Name):
        return _name(node)
    if _is_fixed(node):
        return lambda _names, _line, _holes: node
    return _composite(node)


def _name(node: ast.Name) -> Build:
    text, context = node.id, node.ctx

    def build(names: Substitutes, _line: int, _holes: list[list[Any]]) -> Any:
        other = names.get(text)
        if other is None:
            return node
        return _made(ast.Name, {"id": other, "ctx": context, **_NOWHERE}) if other.__class__ is str else other

    return build


def _composite(node: Any) -> Build:
    kind: type[Any] = node.__class__
    is_placed = isinstance(node, _PLACED)
    title = _TITLES.get(kind)
    fields: dict[str, Any] = {field: getattr(node, field, None) for field in node._fields}
    parts = [
        (field, _block(value) if isinstance(value, list) else _node(value))
        for field, value in fields.items()
        if not _is_fixed(value)
    ]
    # All fields at once: filling a dict one by one makes it grow, which takes longer than the rest.
    first = {**fields, **_NOWHERE} if is_placed else fields

    def build(names: Substitutes, line: int, holes: list[list[Any]]) -> Any:
        built = kind()
        made = built.__dict__
        made.update(first)
        if is_placed:
            made["lineno"] = made["end_lineno"] = line
        if title is not None:
            made[title] = names.get(fields[title], fields[title])
        for field, builder in parts:
            made[field] = builder(names, line, holes)
        return built

    return build


def _made(kind: type[Any], fields: dict[str, Any]) -> Any:
    """A node with these fields and places; its own constructor takes twice as long."""
    node = kind()
    node.__dict__.update(fields)
    return node


def name(text: str) -> ast.expr:
    """A Python name."""
    found: ast.expr = _made(ast.Name, {"id": text, "ctx": _LOAD, **_NOWHERE})
    return found


def constant(value: str | int | bool | None) -> ast.expr:
    """A Python constant."""
    found: ast.expr = _made(ast.Constant, {"value": value, "kind": None, **_NOWHERE})
    return found
