"""Properties: what is printed parses back, compiled equals walked, and nothing but our own errors comes out."""

import dataclasses
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.fhirpath import FhirPathError, Quantity, Temporal, compile
from gateway.fhirpath.errors import Fault
from gateway.fhirpath.functions import FUNCTIONS
from gateway.fhirpath.printer import print_expression
from gateway.fhirpath.syntax.nodes import Binary, Call, Chain, Expr, Indexer, Literal, Member, Special, Unary
from gateway.fhirpath.syntax.parser import parse
from gateway.fhirpath.values.long import Long
from tests.unit.fhirpath.walker import walk

NAMES = st.sampled_from(["a", "b", "c", "and", "key-x"])
LITERALS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 5),
    st.sampled_from([Decimal("0.5"), Decimal("2.0"), Long(5), Long(2**63 - 1)]),
    st.sampled_from([Quantity(Decimal(2), "mg"), Quantity(Decimal(3), "days", calendar=True)]),
    st.sampled_from(["x", "y", "it's \\ `n`", "1", "\n"]),
    st.sampled_from([Temporal("Date", (2020, 5)), Temporal("Time", (10, 30)), Temporal("DateTime", (2020,))]),
).map(lambda value: Literal(value, 0, 0))
LAMBDAS = ("where", "select", "all", "exists")


def _bigger(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    targets = inner.filter(lambda node: not isinstance(node, Unary))
    pairs = ["=", "!=", "~", "!~", "<", "<=", ">", ">=", "+", "-", "*", "/", "div", "mod", "in", "contains", "xor"]
    operands = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(lambda target, name: Member(target, name, 0, 0, 0), targets, NAMES),
        st.builds(
            lambda target, name, argument: Call(target, name, (argument,), 0, 0, 0),
            targets,
            st.sampled_from(LAMBDAS),
            inner,
        ),
        st.builds(
            lambda target, name: Call(target, name, (), 0, 0, 0),
            targets,
            st.sampled_from(["exists", "empty", "count", "first", "last", "tail", "distinct", "not"]),
        ),
        st.builds(
            lambda name, arguments: Call(None, name, arguments, 0, 0, 0),
            st.sampled_from(["iif", "coalesce"]),
            operands,
        ),
        st.builds(lambda target, other: Call(target, "combine", (other,), 0, 0, 0), targets, inner),
        st.builds(lambda target, index: Indexer(target, index, 0, 0), targets, inner),
        st.builds(lambda operator, node: Unary(operator, node, 0, 0), st.sampled_from("+-"), inner),
        st.builds(
            lambda operator, left, right: Binary(operator, left, right, 0, 0),
            st.sampled_from([*pairs, "implies"]),
            inner,
            inner,
        ),
        st.builds(
            lambda operator, parts: Chain(operator, parts, 0, 0), st.sampled_from(["|", "and", "or", "&"]), operands
        ),
    )


EXPRESSIONS: st.SearchStrategy[Expr] = st.recursive(
    st.one_of(LITERALS, NAMES.map(lambda name: Member(None, name, 0, 0, 0)), st.just(Special("this", 0, 0))),
    _bigger,
    max_leaves=8,
)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(0, 3), st.sampled_from(["x", "y", "2020-05"]), st.just(Decimal("0.5"))
)
TREES = st.recursive(
    VALUES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "b", "c", "key-x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from(["a", "b", "c", "key-x"]), TREES, max_size=3)
QUICK = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def shape(node: Any) -> Any:
    """The tree without places; chains of one operator flat, as the parser makes them."""
    if isinstance(node, Chain):
        first = node.operands[0]
        if isinstance(first, Chain) and first.operator == node.operator:
            node = Chain(node.operator, (*first.operands, *node.operands[1:]), 0, 0)
            return shape(node)
    if isinstance(node, tuple):
        return tuple(shape(part) for part in node)
    if dataclasses.is_dataclass(node) and not isinstance(node, Temporal):
        fields = [field.name for field in dataclasses.fields(node) if field.name not in ("start", "end", "at")]
        return (type(node).__name__, *(shape(getattr(node, name)) for name in fields))
    return (type(node).__name__, str(node))


def seen(item: Any) -> tuple[type, Any]:
    """What must be the same of an item; a Quantity as its text, as `=` on quantities is the language's own."""
    return type(item), str(item) if isinstance(item, Quantity) else item


@QUICK
@given(EXPRESSIONS)
def test_print_parses_back(node: Expr) -> None:
    assert shape(parse(print_expression(node))) == shape(node)


@QUICK
@given(EXPRESSIONS, OBJECTS)
def test_compiled_equals_walked(node: Expr, tree: dict[str, Any]) -> None:
    text = print_expression(node)
    try:
        expression = compile(text, model=None)
    except FhirPathError:
        return
    try:
        wanted = list(map(seen, walk(parse(text), [tree])))
    except Fault as fault:
        wanted = fault.rule
    try:
        found: Any = list(map(seen, expression.evaluate(tree)))
    except FhirPathError as error:
        found = error.rule
    # Which of two faults comes first is not fixed; both sides must have one.
    if isinstance(wanted, str) and isinstance(found, str):
        return
    assert found == wanted


@QUICK
@given(st.text(max_size=30))
@example("a\x00b")
@example("\ud800")
@example("'\\ud800'")
@example("'\x00\ud800'")
@example("'x'.matches('\\ud800')")
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        compile(text, model=None).evaluate({})
    except FhirPathError as error:
        assert 0 <= error.offset <= len(text)
        assert str(error)


WRITTEN = [
    "name.where(use = 'official').given.first() & ', ' & %resource.id",
    "component.where(code.coding.code='8480-6').value.ofType(Quantity).value > 5 'mg'",
    "(1 | 2L | 3.5).select($this + $index) // and a comment",
    "iif(a is FHIR.Patient, @2020-01-01T10:00:00Z + 1 day, {}).`b c`[0]",
]
EDITS = st.lists(
    st.tuples(
        st.integers(0, 90), st.integers(0, 3), st.text("()[]{}.,'`\"$%@+-*/|&<>=!~ \n0L5aTZ:_\\é٣", max_size=2)
    ),
    min_size=1,
    max_size=3,
)


@QUICK
@given(st.sampled_from(WRITTEN), EDITS)
def test_what_is_mistyped_is_refused_at_a_place_or_prints_back(text: str, edits: list[tuple[int, int, str]]) -> None:
    for start, length, inserted in edits:
        text = text[:start] + inserted + text[start + length :]
    try:
        tree = parse(text)
    except FhirPathError as error:
        assert 0 <= error.offset <= len(text)
        return
    assert shape(parse(print_expression(tree))) == shape(tree)
    for base in ("Patient", None):
        try:
            compile(text, base=base).evaluate({"resourceType": "Patient", "a": 1})
        except FhirPathError as error:
            assert 0 <= error.offset <= len(text)


@QUICK
@given(st.sampled_from(sorted(FUNCTIONS)), TREES, st.lists(LITERALS, max_size=2))
def test_no_function_fails_on_any_tree(name: str, tree: Any, arguments: list[Literal]) -> None:
    text = f"a.{name}({', '.join(map(print_expression, arguments))})"
    for model in ({"model": None}, {}):
        try:
            compile(text, **model).evaluate({"resourceType": "Basic", "a": tree})  # type: ignore[call-overload]
        except FhirPathError as error:
            assert 0 <= error.offset <= len(text)


PATHS = [
    "name.given.first() & 'x'",
    "birthDate < @2020",
    "deceased is boolean",
    "contact.exists(name.family = 'x')",
    "extension.value.ofType(Quantity).value",
    "descendants().count()",
    "name.where(use = 'x').period.start",
    "children().ofType(HumanName)",
    "(deceased as dateTime) > @2020",
    "photo.size + 1",
    "contained.id",
]
ELEMENTS = [
    "name",
    "birthDate",
    "_birthDate",
    "deceasedBoolean",
    "deceasedDateTime",
    "contact",
    "extension",
    "photo",
    "contained",
    "given",
    "use",
    "period",
    "url",
    "valueQuantity",
    "value",
    "family",
    "size",
]
ODD = st.recursive(
    VALUES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(ELEMENTS), inner, max_size=4)
    ),
    max_leaves=12,
)


@QUICK
@given(st.sampled_from(PATHS), st.dictionaries(st.sampled_from(ELEMENTS), ODD, max_size=5))
def test_odd_resources_raise_nothing_else(path: str, tree: dict[str, Any]) -> None:
    for base in ("Patient", None):
        for focus in ({"resourceType": "Patient", **tree}, tree, list(tree.values())):
            try:
                compile(path, base=base).evaluate(focus)
            except FhirPathError as error:
                assert 0 <= error.offset <= len(path)
