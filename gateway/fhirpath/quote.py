"""Python syntax written as a template and copied with other names in it.

A template is constant source of this package, parsed once; an expression's text never becomes source. `...` alone
in a block marks where the caller's statements go.
"""

import ast
from collections.abc import Mapping
from typing import Any, Final

Substitutes = Mapping[str, ast.expr]

_PLACED: Final = (ast.stmt, ast.expr, ast.ExceptHandler, ast.arg, ast.keyword)
_TITLES: Final = {ast.FunctionDef: ("name",), ast.arg: ("arg",)}
_NO_PLACE: Final = frozenset(("lineno", "col_offset", "end_lineno", "end_col_offset", "type_comment", "kind"))


class Template:
    """Statements to copy; a name that is among the substitutes is replaced by its expression."""

    __slots__ = ("_statements",)

    def __init__(self, source: str) -> None:
        self._statements = ast.parse(source).body

    def copy(self, names: Substitutes, line: int) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """The statements, all placed at `line`, and the block in which the template has its `...`."""
        work = _Copy(names, line)
        statements = work.block(self._statements)
        return statements, work.hole


class _Copy:
    """One copying: the substitutes, the line, and the block found for `...`."""

    __slots__ = ("_line", "_names", "hole")

    def __init__(self, names: Substitutes, line: int) -> None:
        self._names = names
        self._line = line
        self.hole: list[ast.stmt] = []

    def block(self, statements: list[Any]) -> list[Any]:
        """The copied nodes, without the `...`."""
        copied: list[Any] = []
        for statement in statements:
            if statement.__class__ is ast.Expr and _is_ellipsis(statement.value):
                self.hole = copied
            else:
                copied.append(self._node(statement))
        return copied

    def _node(self, node: Any) -> Any:
        if node.__class__ is ast.Name:
            return self._name(node)
        fields = {name: self._value(getattr(node, name, None)) for name in node._fields if name not in _NO_PLACE}
        if isinstance(node, _PLACED):
            fields.update(lineno=self._line, col_offset=0, end_lineno=self._line, end_col_offset=0)
        for field in _TITLES.get(node.__class__, ()):
            other = self._names.get(fields[field])
            fields[field] = other.id if isinstance(other, ast.Name) else fields[field]
        return node.__class__(**fields)

    def _name(self, node: ast.Name) -> ast.expr:
        other = self._names.get(node.id, node)
        return name(other.id, self._line, node.ctx) if isinstance(other, ast.Name) else other

    def _value(self, value: Any) -> Any:
        if value.__class__ is list:
            return self.block(value)
        return self._node(value) if isinstance(value, ast.AST) else value


def _is_ellipsis(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is ...


def name(text: str, line: int = 1, context: ast.expr_context | None = None) -> ast.Name:
    """A Python name."""
    return ast.Name(id=text, ctx=context or ast.Load(), lineno=line, col_offset=0, end_lineno=line, end_col_offset=0)


def constant(value: str | int | bool | None, line: int = 1) -> ast.Constant:
    """A Python constant."""
    return ast.Constant(value=value, lineno=line, col_offset=0, end_lineno=line, end_col_offset=0)
