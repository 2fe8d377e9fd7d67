"""The language on trees without a model: one line of `cases.tsv` is one fact."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.fhirpath import Env, FhirPathEvaluationError, FunctionSpec, Quantity, Temporal, compile
from tests.unit.fhirpath.moments import NOW

TREE = {
    "a": [{"b": [1, 2], "c": "x"}, {"b": 3, "c": "x"}],
    "key-with-dash": "dash",
    "data": {"0": 59, "15": 75},
    "nested": [[1, 2], [3, 4]],
    "withNull": [1, None, 3],
    "n": 5,
    "day": "2020-05-04",
    "flag": True,
}
LINES = Path(__file__).with_name("cases.tsv").read_text("utf-8").splitlines()
CASES = [tuple(line.split("\t")) for line in LINES if line and not line.startswith("#")]


def shown(value: Any) -> Any:
    return str(value) if isinstance(value, Temporal | Quantity) else value


@pytest.mark.parametrize(("expression", "result"), CASES, ids=[case[0] for case in CASES])
def test_result(expression: str, result: str) -> None:
    found = [shown(value) for value in compile(expression, model=None).evaluate(TREE, Env(now=NOW))]
    assert found == json.loads(result, parse_float=Decimal)


@pytest.mark.parametrize(
    ("expression", "rule", "column"),
    [
        ("a.b + 1", "fhirpath.several", 3),
        ("n + day", "fhirpath.operand", 1),
        ("flag < n", "fhirpath.operand", 1),
        ("a.single()", "fhirpath.several", 1),
        ("n.startsWith('x')", "fhirpath.operand", 3),
        ("%missing.x", "fhirpath.unknown-variable", 1),
        ("(n | 'a').allTrue()", "fhirpath.operand", 11),
        ("day.matches('(' & 'a')", "fhirpath.pattern", 5),
        ("day.memberOf('urn:x')", "fhirpath.unavailable", 5),
        ("day.conformsTo('urn:x')", "fhirpath.unavailable", 5),
        ("n\n  + 'x'", "fhirpath.operand", 1),
    ],
)
def test_fault_at_run_time_has_its_place(expression: str, rule: str, column: int) -> None:
    with pytest.raises(FhirPathEvaluationError) as caught:
        compile(expression, model=None).evaluate(TREE)
    assert (caught.value.rule, caught.value.column) == (rule, column)
    assert "2020-05-04" not in str(caught.value)


def test_focus_may_be_a_list_or_nothing() -> None:
    expression = compile("n", model=None)
    assert expression.evaluate([{"n": 1}, {"n": 2}]) == [1, 2]
    assert expression.evaluate(None) == []
    assert expression.evaluate("text") == []
    assert compile("count()", model=None).evaluate([1, 2, 3]) == [3]


def test_single() -> None:
    assert compile("n", model=None).single(TREE) == 5
    assert compile("zz", model=None).single(TREE) is None
    with pytest.raises(FhirPathEvaluationError):
        compile("a", model=None).single(TREE)


def test_variables_take_one_value_a_list_or_none() -> None:
    env = Env(variables={"one": 1, "many": [1, 2], "none": None})
    assert compile("%one | %many | %none", model=None).evaluate({}, env) == [1, 2]


def test_functions_of_the_caller() -> None:
    def twice(focus: list[Any], *arguments: list[Any]) -> list[Any]:
        return [value * 2 for value in focus] + [value for argument in arguments for value in argument]

    def tell(env: Env | None, focus: list[Any]) -> list[Any]:
        return [env is None, len(focus)]

    functions = {"twice": FunctionSpec(0, 1, twice), "tell": FunctionSpec(0, 0, tell, env=True)}
    assert compile("a.b.twice('x')", model=None, functions=functions).evaluate(TREE) == [2, 4, 6, "x"]
    assert compile("n.tell()", model=None, functions=functions).evaluate(TREE) == [True, 1]


def test_budget_stops_an_evaluation() -> None:
    expression = compile("r.select(%context.r.select(%context.r)).count()", model=None)
    tree = {"r": list(range(50))}
    assert expression.evaluate(tree) == [125_000]
    with pytest.raises(FhirPathEvaluationError) as caught:
        expression.evaluate(tree, Env(budget=1000))
    assert caught.value.rule == "fhirpath.budget"
    with pytest.raises(FhirPathEvaluationError):
        compile("1.repeat($this + 1)", model=None).evaluate({}, Env(budget=1000))


def test_deep_paths_and_loops_compile() -> None:
    tree: Any = 1
    for _ in range(50):
        tree = {"x": [tree]}
    assert compile(".".join(["x"] * 50), model=None).evaluate(tree) == [1]
    nested = "x"
    for _ in range(25):
        nested = f"x.where({nested}.exists())"
    assert compile(nested, model=None).evaluate({"x": [{"x": 1}]}) == []


def test_pattern_cannot_run_away() -> None:
    assert compile("t.matches('(a+)+$')", model=None).evaluate({"t": "a" * 5000 + "b"}) == [False]


def test_cache_gives_the_same_expression() -> None:
    assert compile("a.b.c") is compile("a.b.c")
    assert compile("a.b.c") is not compile("a.b.c", model=None)
