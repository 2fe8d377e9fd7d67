"""Every function's and form's own examples hold, and all have some."""

import pytest

from gateway.fhirpath import Env, FhirPathError, compile
from gateway.fhirpath.forms import FORMS
from gateway.fhirpath.functions import FUNCTIONS
from tests.unit.fhirpath.moments import NOW

DECLARED = {**FUNCTIONS, **FORMS}
EXAMPLES = sorted({(name, example) for name, entry in DECLARED.items() for example in entry.examples})
TREES = {"entries": {"a": 1}, "rows": [[1, 2]]}


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_example_holds(name: str, example: str) -> None:
    if name in TREES:
        assert compile(example, model=None).evaluate({"x": TREES[name]}) is not None
        return
    assert compile(example, model=None).evaluate({}, Env(now=NOW)) == [True]


def test_every_function_has_an_example() -> None:
    assert all(entry.examples for entry in DECLARED.values())


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_too_many_arguments_are_refused(name: str) -> None:
    most = DECLARED[name].most
    if most >= 255:
        return
    with pytest.raises(FhirPathError) as caught:
        compile(f"{name}({', '.join(['1'] * (most + 1))})", model=None)
    assert caught.value.rule == "fhirpath.arity"
    assert caught.value.offset == 0
