"""A view compiled: a function from one resource to its rows.

Each select becomes a function from a node to rows; those of one level are multiplied. An expression is compiled with
the type of the node that it stands on, so that a misspelt element is a fault of the definition.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from gateway.core import Resource
from gateway.core.errors import Unprocessable
from gateway.core.issues import Issue, issue
from gateway.export.views.columns import Shape, shape_of
from gateway.export.views.definition import Column, Select, View
from gateway.export.views.rows import ROW_INDEX, Rows, concatenated, each, multiplied, repeated, single_row
from gateway.fhirpath import R4, Env, Expression, FhirPathError, FhirPathEvaluationError, FunctionSpec, compile

Row: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class CompiledView:
    """A view that can run: `columns` tell the names and kinds of a row's values.

    `rows` gives the rows of one resource of the view's type, none where a `where` does not hold; it raises
    `Unprocessable` (`export.view-value`, `export.view-several`, or the rule of FHIRPath) when a path gives what its
    column cannot hold.
    """

    view: View
    columns: tuple[Shape, ...]
    rows: Callable[[Resource], list[Row]]

    @property
    def name(self) -> str:
        """The view's name, "" without one."""
        return self.view.name


def compile_view(view: View) -> CompiledView:
    """The view as a function; raises `Unprocessable` with every expression that does not compile."""
    compiler = _Compiler(view)
    tests = [compiler.test(path, index) for index, path in enumerate(view.where)]
    parts = [compiler.select(select, view.resource) for select in view.selects]
    if compiler.faults:
        raise Unprocessable(*compiler.faults)
    run = multiplied(parts)
    plain = Env({**view.constants, ROW_INDEX: 0} if compiler.asks(ROW_INDEX) else view.constants)
    asks_resource = compiler.asks("resource") or compiler.asks("rootResource")

    def rows(resource: Resource) -> list[Row]:
        # An environment costs as much as several columns; most views need no own one for each resource.
        env = replace(plain, resource=resource, root=resource) if asks_resource else plain
        try:
            for test in tests:
                if test.evaluate(resource, env) != [True]:
                    return []
            return run(resource, env)
        except FhirPathEvaluationError as error:
            raise Unprocessable(*error.issues) from None

    return CompiledView(view, tuple(compiler.shapes), rows)


class _Compiler:
    """Compiles expressions, collecting faults, and the columns in the order of a row."""

    def __init__(self, view: View) -> None:
        self.faults: list[Issue] = []
        self.shapes: list[Shape] = []
        self._texts: list[str] = []
        self._view = view
        self._variables = frozenset((*view.constants, ROW_INDEX))
        if not R4.is_resource(view.resource):
            self.faults.append(
                issue("export.view-element", expression="ViewDefinition.resource", expected="an R4 resource type")
            )

    def expression(self, path: str, base: str | None, place: str, *, strict: bool = True) -> Expression | None:
        self._texts.append(path)
        known = base if base is not None and R4.knows(base) else None
        try:
            return compile(path, base=known, variables=self._variables, strict=strict, functions=FUNCTIONS)
        except FhirPathError as error:
            self.faults += [replace(found, expression=place) for found in error.issues]
            return None

    def asks(self, variable: str) -> bool:
        """Whether some expression may use an environment variable."""
        return any(variable in text for text in self._texts)

    def test(self, path: str, index: int) -> Expression:
        place = f"ViewDefinition.where[{index}].path"
        found = self.expression(path, self._view.resource, place)
        if found and found.result.types is not None and not found.result.types <= _BOOLEAN:
            self.faults.append(issue("export.view-element", expression=place, expected="a path that gives a boolean"))
        return found or _NOTHING

    def select(self, select: Select, base: str | None) -> Rows:
        """The rows that a select gives of one node of type `base`."""
        if select.iteration == "once":
            return self.parts(select, base)
        strict = select.iteration != "repeat"
        place = f"{select.place}.{_KEYS[select.iteration]}"
        paths = [self.expression(path, base, place, strict=strict) for path in select.paths]
        first = next((path.result.sole for path in paths if path and path.result.sole), None)
        if select.iteration == "repeat":
            below = [self.expression(path, first, place, strict=False) for path in select.paths]
            return repeated(_present(paths), _present(below), self.parts(select, first))
        inner = self.parts(select, first)
        return each(paths[0] or _NOTHING, inner, or_null=select.iteration == "each-or-null")

    def parts(self, select: Select, base: str | None) -> Rows:
        columns = [self.column(column, base) for column in select.columns]
        own = single_row(
            [(path, shape, column) for (path, shape), column in zip(columns, select.columns, strict=True)]
        )
        nested = [self.select(inner, base) for inner in select.selects]
        return multiplied([*([own] if columns else []), *nested, *self.unions(select.unions, base)])

    def unions(self, unions: Sequence[Select], base: str | None) -> list[Rows]:
        """All branches as one part; only the first one's columns count."""
        if not unions:
            return []
        first = self.select(unions[0], base)
        end = len(self.shapes)
        others = [self.select(union, base) for union in unions[1:]]
        del self.shapes[end:]
        return [concatenated([first, *others])]

    def column(self, column: Column, base: str | None) -> tuple[Expression, Shape]:
        found = self.expression(column.path, base, f"{column.place}.path")
        shape = shape_of(column, found)
        self.shapes.append(shape)
        return found or _NOTHING, shape


def _join(items: list[Any], *separators: list[Any]) -> list[Any]:
    """The items as one text, "" of none: https://sql-on-fhir.org differs from FHIRPath there, whose join is empty."""
    if any(item.__class__ is not str for separator in (items, *separators) for item in separator):
        raise TypeError("join takes texts")
    return [(separators[0][0] if separators and separators[0] else "").join(items)]


FUNCTIONS: Final = {"join": FunctionSpec(0, 1, _join)}
"""What views call otherwise than FHIRPath does."""

_KEYS: Final = {"each": "forEach", "each-or-null": "forEachOrNull", "repeat": "repeat"}
_BOOLEAN: Final = frozenset(("boolean", "System.Boolean"))
_NOTHING: Final = compile("{}")


def _present(paths: Sequence[Expression | None]) -> list[Expression]:
    return [path for path in paths if path]
