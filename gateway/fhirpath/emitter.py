"""The Python function under construction: its statements, its local names and the objects it refers to."""

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from gateway.fhirpath.quote import Template, constant, name


@cache
def _template(source: str) -> Template:
    return Template(source)


class Emitter:
    """Appends statements to the current block; every statement is placed at the line of the current position.

    The line of a generated statement is the offset of its expression's part plus one, so that a traceback tells
    which part failed.
    """

    def __init__(self, *, metered: bool = False) -> None:
        self.metered = metered
        self.block: list[ast.stmt] = []
        self.start: list[ast.stmt] = []
        self.globals: dict[str, Any] = {}
        self.line = 1
        self.loops = 0
        self._count = 0
        self._bound: dict[int, ast.expr] = {}

    def fresh(self, stem: str = "v") -> str:
        """A local name that is not used yet."""
        self._count += 1
        return f"{stem}{self._count}"

    def cell(self) -> str:
        """A local list that is made empty at the start of the function; inner functions may fill it."""
        title = self.fresh("c")
        self.start.extend(_template("C = []").build({"C": title}, 1)[0])
        return title

    def bind(self, value: object) -> ast.expr:
        """The expression for an object: a constant, or a global of the function."""
        if value is None or isinstance(value, str | int):
            return constant(value)
        found = self._bound.get(id(value))
        if found is None:
            title = f"k{len(self._bound)}"
            self.globals[title] = value
            found = self._bound[id(value)] = name(title)
        return found

    def emit(self, source: str, **names: str | ast.expr) -> list[ast.stmt]:
        """Appends the statements of a template; returns the block where it has its `...`.

        A substitute that is a text is a local name; constants and objects come from `bind`.
        """
        statements, hole = _template(source).build(names, self.line)
        self.block.extend(statements)
        return hole

    def run(self, source: str, **names: str | ast.expr) -> None:
        """Appends the statements of a template that has no `...`."""
        self.emit(source, **names)

    @contextmanager
    def into(self, block: list[ast.stmt], *, loop: bool = False) -> Iterator[None]:
        """Appends to another block; `loop` when it is the body of a for."""
        outer = self.block
        self.block = block
        self.loops += loop
        if loop and self.metered:
            self.run("tick()")
        yield
        if not block:
            block.append(ast.Pass(lineno=self.line, col_offset=0, end_lineno=self.line, end_col_offset=0))
        self.loops -= loop
        self.block = outer

    @contextmanager
    def at(self, offset: int) -> Iterator[None]:
        """Places statements at an offset of the expression's text."""
        outer = self.line
        self.line = offset + 1
        yield
        self.line = outer

    @contextmanager
    def function(self, result: str) -> Iterator[str]:
        """Appends an inner function of no arguments that returns the local `result`, and calls it into `result`.

        Python nests at most 20 loops; a function starts counting anew.
        """
        title = self.fresh("f")
        hole = self.emit("def TITLE():\n    ...\n    return RESULT\nRESULT = TITLE()", TITLE=title, RESULT=result)
        outer, self.loops = self.loops, 0
        with self.into(hole):
            # `...` stands before the return; what is appended now comes after it, so the return is moved to the end.
            last = hole.pop()
            yield title
            hole.append(last)
        self.loops = outer
