"""Compiled expressions and the cache of them."""

import decimal
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from gateway.fhirpath.analysis import Analyzer
from gateway.fhirpath.compiler import FILE, Generator, Shape, generate
from gateway.fhirpath.env import Env
from gateway.fhirpath.errors import Fault, FhirPathError, FhirPathEvaluationError, Malformed
from gateway.fhirpath.facts import Facts, Options, Scope
from gateway.fhirpath.functions import FunctionSpec
from gateway.fhirpath.kinds import UNKNOWN_ITEM, Kind
from gateway.fhirpath.model import R4, Model
from gateway.fhirpath.printer import outline
from gateway.fhirpath.syntax.nodes import Expr
from gateway.fhirpath.syntax.parser import parse

Evaluate = Callable[..., list[Any]]

NO_FUNCTIONS: Final[Mapping[str, FunctionSpec]] = MappingProxyType({})
PLAIN: Final = Shape()

CACHE_SIZE: Final = 8192
"""How many compiled expressions are kept."""


class Expression:
    """A compiled expression; immutable in effect and safe to share between threads.

    `evaluate(focus, env=None)` returns the list of results as plain values: trees, str, bool, int, Decimal, Temporal
    and Quantity. The focus is one item, or a list of items, or None for none. It raises `FhirPathEvaluationError`
    where the data are not what the expression takes. Read the attribute where it is called: the
    first call replaces it by the generated function.
    """

    __slots__ = ("_base", "_facts", "_forms", "_kind", "_options", "ast", "evaluate", "text")

    evaluate: Evaluate

    def __init__(self, text: str, base: str | None, options: Options) -> None:
        self.text = text
        self.ast: Expr = parse(text)
        self._base = base
        self._options = options
        self._kind = UNKNOWN_ITEM if base is None else Kind(frozenset((base,)), many=False)
        self._forms: dict[tuple[str | None, Shape], Evaluate] = {}
        if base is not None and (options.model is None or not options.model.knows(base)):
            raise FhirPathError("fhirpath.unknown-type", text, 0, name=base)
        self._facts = self._analyse(self._kind, strict=options.strict)
        self.evaluate = self._first()

    def single(self, focus: Any, env: Env | None = None) -> Any:
        """The one result, None when there is none; raises `FhirPathEvaluationError` when there are several."""
        found = self.evaluate(focus, env)
        if len(found) > 1:
            raise FhirPathEvaluationError("fhirpath.several", self.text, 0)
        return found[0] if found else None

    def explain(self) -> str:
        """The syntax tree, a line for each part: place in the text, what it is, and the types that it may give."""
        return outline(self.ast, self._facts)

    @property
    def result(self) -> Kind:
        """What the analysis knows of the result: its types, and whether there may be several items."""
        return self._facts.of(self.ast)

    @property
    def warnings(self) -> tuple[FhirPathError, ...]:
        """The faults against the model that `strict=False` lets pass, such as unknown elements, which are empty."""
        return tuple(self._facts.warnings)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def _analyse(self, kind: Kind, *, strict: bool) -> Facts:
        options = self._options
        analyzer = Analyzer(self.text, options if options.strict == strict else replace(options, strict=strict))
        analyzer.kind(self.ast, Scope(kind, is_root=True))
        return analyzer.facts

    def _first(self) -> Evaluate:
        """Makes the function when it is first called: of many expressions only some are run."""

        def evaluate(focus: Any, env: Env | None = None) -> list[Any]:
            if self.evaluate is evaluate:
                typed = self._base is not None or self._options.model is None
                self.evaluate = self._form(self._base) if typed else self._dispatcher()
            return self.evaluate(focus, env)

        return evaluate

    def _dispatcher(self) -> Evaluate:
        """Without a base type: the function for the resource's own type, made when the type is first seen."""
        forms: dict[Any, Evaluate] = {}
        model = self._options.model

        def find(type_name: Any) -> Evaluate:
            known = type_name.__class__ is str and model is not None and model.is_resource(type_name)
            form = self._form(type_name if known else None)
            if known:
                forms[type_name] = form
            return form

        def evaluate(focus: Any, env: Env | None = None) -> list[Any]:
            type_name = focus.get("resourceType") if focus.__class__ is dict else None
            try:
                form = forms.get(type_name)
            except TypeError:
                form = None
            return (form or find(type_name))(focus, env)

        return evaluate

    def _form(self, type_name: str | None, shape: Shape = PLAIN) -> Evaluate:
        """The function for a type and a shape of the evaluation, made when it is first needed."""
        key = (type_name, shape)
        found = self._forms.get(key)
        if found is None:
            found = self._forms[key] = self._generate(type_name, shape)
        return found

    def _generate(self, type_name: str | None, shape: Shape) -> Evaluate:
        kind = Kind(None if type_name is None else frozenset((type_name,)), shape.many)
        facts = self._facts if kind == self._kind else self._analyse(kind, strict=False)
        model = self._options.model
        # Data against the model's cardinalities are read with their types: the short ways need trust.
        typed = facts.typed or (not shape.trust and model is not None and type_name is not None)
        generator = Generator(facts, model, dict(self._options.functions), typed=typed, shape=shape)
        return generate(generator, self.ast, kind, self._others(type_name, shape), self._recovery(type_name, shape))

    def _others(self, type_name: str | None, shape: Shape) -> Evaluate:
        """The function for a focus of None or a list, and for an evaluation with a budget."""

        def evaluate(focus: Any, env: Env | None) -> list[Any]:
            metered = env is not None and env.budget is not None
            if focus is None or focus.__class__ is list:
                form = self._form(type_name, replace(shape, many=True, metered=metered))
                return form([] if focus is None else focus, env)
            return self._form(type_name, replace(shape, metered=metered))(focus, env)

        return evaluate

    def _recovery(self, type_name: str | None, shape: Shape) -> Callable[..., list[Any]]:
        may_retry = shape.trust and self._options.model is not None

        def recover(error: Exception, focus: Any, env: Env | None) -> list[Any]:
            if isinstance(error, FhirPathError):
                raise error
            offset = _offset(error)
            if isinstance(error, Fault):
                raise FhirPathEvaluationError(error.rule, self.text, offset, **error.names) from None
            if isinstance(error, _DATA_FAULTS):
                if may_retry:
                    return self._form(type_name, replace(shape, trust=False))(focus, env)
                raise FhirPathEvaluationError("fhirpath.data", self.text, offset) from None
            raise error

        return recover


_DATA_FAULTS: Final = (
    Malformed,
    AttributeError,
    TypeError,
    ValueError,
    KeyError,
    IndexError,
    RecursionError,
    OverflowError,
    decimal.DecimalException,
)


def _offset(error: Exception) -> int:
    """Where in the expression the error arose: the line of the generated function is the offset plus one."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILE:
            return max(trace.tb_lineno - 1, 0)
        trace = trace.tb_next
    return 0


def compile(
    expression: str,
    *,
    base: str | None = None,
    model: Model | None = R4,
    functions: Mapping[str, FunctionSpec] = NO_FUNCTIONS,
    variables: Collection[str] | None = None,
    strict: bool = True,
) -> Expression:
    """The compiled expression; cached, so compile where it is used.

    `base` is the type of the focus (`Observation`, `Patient.contact`); with it unknown elements, wrong operands and
    repeating elements where one item is needed are errors too, unless `strict` is false, as for a guide that others
    published: they are then the expression's `warnings`, and an unknown element is empty. `model` None is for trees
    that are not FHIR. `functions` are added to the language and win over its own.
    `variables` are the names that `Env.variables` will have; None leaves them unchecked until the evaluation.
    Raises `FhirPathError` with the place of the fault.
    """
    names = None if variables is None else frozenset(variables)
    return _compile(expression, base, _Shared(model), tuple(sorted(functions.items(), key=_name)), names, strict)


@dataclass(frozen=True, slots=True)
class _Shared:
    """A model as part of a cache key: the same object, whatever its own idea of equality."""

    model: Model | None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shared) and other.model is self.model

    def __hash__(self) -> int:
        return id(self.model)


def _name(entry: tuple[str, FunctionSpec]) -> str:
    return entry[0]


@lru_cache(maxsize=CACHE_SIZE)
def _compile(
    expression: str,
    base: str | None,
    shared: "_Shared",
    functions: tuple[tuple[str, FunctionSpec], ...],
    variables: frozenset[str] | None,
    strict: bool,
) -> Expression:
    return Expression(
        expression, base, Options(shared.model, strict and base is not None, dict(functions), variables)
    )
