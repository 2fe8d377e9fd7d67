"""Broken expressions are refused, each with its place; none gets through and none crashes."""

from pathlib import Path

import pytest

from gateway.fhirpath import FhirPathError, compile

HERE = Path(__file__).parent


def _rows(name: str) -> list[list[str]]:
    lines = (HERE / name).read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


WRITTEN = _rows("broken.tsv")
WITH_BASE = _rows("broken_with_base.tsv")
SOUND = [
    "name.given",
    "name.where(use = 'official').given.first()",
    "(a + b) * 2 - c",
    "iif(a.exists(), b, c)",
    "a[0].b[1]",
    "x in ('a' | 'b')",
    "%resource.id",
    "code.coding.where(system = 'x' and code != 'y').exists()",
    "@2015-02-04T10:00:00Z > now()",
    "5 'mg' + 3 days",
]
SPOILED = sorted(
    {
        spoiled
        for sound in SOUND
        for spoiled in (
            f"({sound}",
            f"{sound})",
            f"{sound}.",
            f"{sound} and",
            f"{sound} {sound}",
            f"{sound}..x",
            f"{sound} = = 1",
            f"{sound}[",
            f"{sound}.nope()",
            f"{sound} + 'x",
            f"{sound} is",
            f", {sound}",
            f"* {sound}",
        )
    }
)


@pytest.mark.parametrize(("expression", "column", "rule"), WRITTEN)
def test_refused_at_its_place(expression: str, column: str, rule: str) -> None:
    with pytest.raises(FhirPathError) as caught:
        compile(expression, model=None)
    assert (caught.value.column, caught.value.rule) == (int(column), f"fhirpath.{rule}")
    assert caught.value.caret.endswith(" " * (caught.value.column - 1) + "^")


@pytest.mark.parametrize(("base", "expression", "column", "rule"), WITH_BASE)
def test_refused_for_its_base(base: str, expression: str, column: str, rule: str) -> None:
    with pytest.raises(FhirPathError) as caught:
        compile(expression, base=base)
    assert (caught.value.column, caught.value.rule) == (int(column), f"fhirpath.{rule}")


@pytest.mark.parametrize("expression", SPOILED)
def test_spoiled_is_refused(expression: str) -> None:
    with pytest.raises(FhirPathError) as caught:
        compile(expression, model=None)
    assert 0 <= caught.value.offset <= len(expression)


@pytest.mark.parametrize("expression", SOUND)
def test_sound_is_taken(expression: str) -> None:
    assert compile(expression).text == expression


def test_corpus_is_large() -> None:
    assert len(WRITTEN) + len(WITH_BASE) + len(SPOILED) >= 250


def test_lines_and_columns() -> None:
    with pytest.raises(FhirPathError) as caught:
        compile("a and\n  b.nope()", model=None)
    assert (caught.value.line, caught.value.column) == (2, 5)
    assert caught.value.caret == "  b.nope()\n    ^"
    assert caught.value.issues[0].source == "line 2, column 5"


@pytest.mark.parametrize(
    "text", ["(" * 5000, "-" * 5000 + "1", "a" + ".b" * 5000, "(" * 500 + "1" + ")" * 500, "'" * 999, "9" * 5000]
)
def test_nesting_is_bounded(text: str) -> None:
    with pytest.raises(FhirPathError):
        compile(text, model=None)


def test_long_chains_of_one_operator_are_fine() -> None:
    assert compile(" | ".join(["'x'"] * 3000), model=None).evaluate({}) == ["x"]
    assert compile(" and ".join(["true"] * 1000), model=None).evaluate({}) == [True]
    assert compile(" & ".join(["'x'"] * 1000), model=None).evaluate({}) == ["x" * 1000]


def test_declared_variables_are_checked() -> None:
    assert compile("%a", model=None, variables=("a",)).text == "%a"
    with pytest.raises(FhirPathError) as caught:
        compile("%b", model=None, variables=("a",))
    assert caught.value.rule == "fhirpath.unknown-variable"


def test_faults_of_others_are_warnings_with_a_place() -> None:
    text = "nope.nope.empty() and name.where(none = 1).empty() and name.family.startsWith('x')"
    expression = compile(text, base="Patient", strict=False)
    assert [(found.rule, found.column) for found in expression.warnings] == [
        ("fhirpath.unknown-element", 1),
        ("fhirpath.unknown-element", 34),
        ("fhirpath.cardinality", 56),
    ]
    assert compile("nope.nope", base="Patient", strict=False).evaluate({"resourceType": "Patient"}) == []
    assert expression.evaluate({"resourceType": "Patient", "name": [{"family": "xy"}]}) == [True]
    with pytest.raises(FhirPathError):
        compile("nope.nope()", base="Patient", strict=False)
    assert compile("name.where(family.startsWith('x'))", base="Patient").warnings == ()


MANY = " | ".join(map(str, range(60)))


@pytest.mark.parametrize(
    "text",
    [
        "'x'.repeat($this & 'x')",
        "1.repeat($this + 1)",
        "1.repeatAll($this)",
        "'x'.repeat($this & $this)",
        "'x'.repeat($this + $this)",
        "'ab'.repeat($this.replace('', $this))",
        "'ab'.repeat($this.replaceMatches('.', $this))",
        f"({MANY}).aggregate($total & $total, 'x')",
    ],
)
def test_growth_without_end_is_stopped(text: str) -> None:
    with pytest.raises(FhirPathError) as caught:
        compile(text, model=None).evaluate({})
    assert caught.value.rule == "fhirpath.budget"


def test_doubling_variables_is_stopped() -> None:
    doubled = "".join(f".defineVariable('v{n + 1}', %v{n} & %v{n})" for n in range(40))
    with pytest.raises(FhirPathError) as caught:
        compile(f"'x'.defineVariable('v0', 'xx'){doubled}", model=None).evaluate({})
    assert caught.value.rule == "fhirpath.budget"


@pytest.mark.parametrize("text", ["descendants().as(string)", "repeatAll(contained)"])
def test_a_tree_that_contains_itself_is_stopped(text: str) -> None:
    tree: dict[str, object] = {"resourceType": "Patient", "name": [{"family": "x"}]}
    tree["contained"] = [tree]
    with pytest.raises(FhirPathError) as caught:
        compile(text, base="Patient").evaluate(tree)
    assert caught.value.rule == "fhirpath.budget"


def test_half_of_a_character_in_the_text_itself() -> None:
    with pytest.raises(FhirPathError) as caught:
        compile("name = '\ud800'", model=None)
    assert (caught.value.rule, caught.value.column) == ("fhirpath.syntax", 9)


def test_numbers_without_end_overflow_to_nothing() -> None:
    grown = compile("3.repeat($this * $this)", model=None).evaluate({})
    assert 5 < len(grown) < 20
    assert compile("9.power(9).power(9).power(9).power(9)", model=None).evaluate({}) == []
