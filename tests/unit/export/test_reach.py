"""What an expression can see: names, or everything where that cannot be told."""

from dataclasses import fields, is_dataclass

import pytest

from gateway.definitions import r4
from gateway.export.deidentify.reach import is_within, reach_of, united
from gateway.fhirpath.syntax.parser import parse

NAMED = {
    "system = 'url'": {"system"},
    "system.exists() and use.empty().not()": {"system", "use"},
    "coding.where(system = 'a').code.first()": {"coding", "system", "code"},
    "coding[0].code": {"coding", "code"},
    "coding[rank]": {"coding", "rank"},
    "value.ofType(string).startsWith(prefix)": {"value", "prefix", "string"},  # a type is written as a name
    "value.matches('[0-9]+')": {"value"},
    "-low < high": {"low", "high"},
    "a | b": {"a", "b"},
    "low is Quantity": {"low"},
    "'text' = 'text'": set(),
}
ALL = (
    "$this",
    "%resource.id",
    "%context",
    "exists()",
    "where(use = 'old')",
    "code.trace('x').exists()",
    "coding.children()",
    "descendants()",
    "coding.resolve()",
    "reference.where($this = 'x')",
    "coding[$this.rank]",
    "coding.where(%resource.id = code)",
    "value.matches(%pattern)",
    "a and (b or c.repeat(d))",
)


@pytest.mark.parametrize("text", NAMED)
def test_an_expression_sees_what_it_names(text):
    assert reach_of(parse(text)) == NAMED[text]


@pytest.mark.parametrize(
    "call",
    ["all(b)", "as(string)", "contains('x')", "count()", "empty()", "endsWith('x')", "exists()", "first()",
     "hasValue()", "is(string)", "last()", "lower()", "matches('x')", "not()", "ofType(string)", "single()",
     "startsWith('x')", "upper()", "where(b)"],
)  # fmt: skip
def test_functions_that_stay_see_no_more_than_they_are_called_on(call):
    found = reach_of(parse(f"a.{call}"))
    assert found is not None
    assert {"a"} <= found <= {"a", "b", "string"}


@pytest.mark.parametrize("text", ALL)
def test_an_expression_that_goes_elsewhere_sees_everything(text):
    assert reach_of(parse(text)) is None


def test_no_name_of_an_expression_is_overlooked():
    """In R4's own invariants, whatever they are built of."""
    told = 0
    for text in sorted(set(invariants())):
        tree = parse(text)
        found = reach_of(tree)
        told += found is not None
        assert found is None or found == {node.name for node in nodes(tree) if type(node).__name__ == "Member"}, text
    assert told > 50


def invariants():
    for name in r4().types():
        for element in r4().structure(name).elements:
            yield from (one.expression for one in element.constraints if one.expression)


def nodes(tree):
    yield tree
    for field in fields(tree):
        value = getattr(tree, field.name)
        for one in value if isinstance(value, tuple) else (value,):
            if is_dataclass(one):
                yield from nodes(one)


def test_what_several_see_is_what_one_of_them_sees():
    assert united([]) == frozenset()
    assert united([frozenset("a"), frozenset("b")]) == frozenset("ab")
    assert united([frozenset("a"), None, frozenset("b")]) is None


@pytest.mark.parametrize(
    ("key", "reach", "seen"),
    [
        ("value", {"value"}, True),
        ("valueString", {"value"}, True),
        ("_valueString", {"value"}, True),
        ("_value", {"value"}, True),
        ("code", {"value"}, False),
        ("val", {"value"}, False),
        ("code", {"value", "code"}, True),
        ("code", set(), False),
        ("code", None, True),
    ],
)
def test_a_name_is_also_that_of_its_types_and_its_twin(key, reach, seen):
    assert is_within(key, reach if reach is None else frozenset(reach)) is seen
