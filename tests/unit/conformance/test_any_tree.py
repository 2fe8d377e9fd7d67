"""Whatever the tree: findings, never an exception."""

import copy
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.conformance import Validator
from gateway.conformance.invariants.native import NATIVE
from gateway.core import Issue
from gateway.definitions import r4
from gateway.fhirpath import Env, compile
from gateway.terminology import LocalTerminology
from tests.unit.conformance.test_validator import OBSERVATION

VALIDATOR = Validator(r4(), LocalTerminology(r4()))

NAMES = """
    resourceType id meta profile extension url contained reference status code coding system value valueQuantity
    valueString _valueString entry resource fullUrl subject _status text div period start end category component
    identifier data size
"""
KEYS = st.sampled_from(NAMES.split())
TYPES = ["Observation", "Bundle", "Patient", "Consent", "QuestionnaireResponse", "Parameters", "Composition"]
DEFINED = st.sampled_from(
    [
        name.replace("[x]", "String")
        for path in (*TYPES, "Bundle.entry", "Bundle.entry.search", "Bundle.link", "Composition.section", "Reference",
                     "QuestionnaireResponse.item", "QuestionnaireResponse.item.answer", "Attachment", "Quantity")
        for name in r4().children(path)
    ]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["Observation", "Bundle", "Patient", "#", "#x", "Patient/1", "http://loinc.org", "8867-4",
                       "http://hl7.org/fhir/StructureDefinition/heartrate", "2026-01-01", "final"])
)  # fmt: skip
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | DEFINED | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=25,
)


@given(st.dictionaries(KEYS | DEFINED, TREES, max_size=8) | TREES, st.sampled_from(TYPES))
@settings(max_examples=120, deadline=None)
def test_any_tree_is_judged(tree: Any, name: str) -> None:
    resource = {**tree, "resourceType": name} if isinstance(tree, dict) else tree
    found = VALIDATOR.validate(resource)
    assert all(isinstance(one, Issue) for one in found)


def _places(tree: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    open_nodes = [tree]
    while open_nodes:
        node = open_nodes.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        found += [(node, key) for key in keys]
        open_nodes += [node[key] for key in keys]
    return found


@given(st.data(), TREES)
@settings(max_examples=120, deadline=None)
def test_any_change_of_a_valid_resource_is_judged(data: st.DataObject, tree: Any) -> None:
    broken = copy.deepcopy(OBSERVATION)
    parent, key = data.draw(st.sampled_from(_places(broken)))
    parent[key] = tree
    assert isinstance(VALIDATOR.validate(broken), list)


def test_nesting_without_end_is_a_finding() -> None:
    tree: dict[str, Any] = {"url": "x"}
    for _ in range(20_000):
        tree = {"url": "x", "extension": [tree]}
    found = VALIDATOR.validate({"resourceType": "Patient", "extension": [tree]})
    assert [one.rule for one in found] == ["conformance.too-deep"]


EXTENSIONS = st.fixed_dictionaries(
    {},
    optional={
        "url": st.just("u"),
        "valueString": st.text(min_size=1),
        "extension": st.lists(st.just({"url": "v"})),
        "id": st.text(min_size=1),
        "_valueCode": st.just({"id": "x"}),
        "valueDecimal": st.just(Decimal(1)),
    },
)


@given(EXTENSIONS)
def test_plain_invariants_agree_with_their_expressions(extension: dict[str, Any]) -> None:
    for text in ("extension.exists() != value.exists()", "hasValue() or (children().count() > id.count())"):
        native = NATIVE[text](extension)
        if native is not None:
            assert [native] == compile(text, base="Extension").evaluate(extension, Env())


INSTANTS = st.builds(
    "20{:02}-{:02}-{:02}T{:02}:{:02}:00{}".format,
    st.integers(0, 99), st.integers(0, 13), st.integers(0, 32), st.integers(0, 24), st.integers(0, 59),
    st.sampled_from(["Z", "+02:00", "-13:30", "+14:00", ".5Z", ""]),
)  # fmt: skip
BOUNDS = st.one_of(INSTANTS, st.sampled_from(["2026", "2026-03", "2026-03-01", "", "x", None, 3]))


@given(BOUNDS, BOUNDS)
def test_periods_are_in_order_as_their_expression_says(start: Any, end: Any) -> None:
    text = "start.hasValue().not() or end.hasValue().not() or (start <= end)"
    period = {name: value for name, value in (("start", start), ("end", end)) if value is not None}
    native = NATIVE[text](period)
    if native is not None:
        assert [native] == compile(text, base="Period").evaluate(period, Env())


CONTAINED = st.fixed_dictionaries(
    {"resourceType": st.just("Basic")},
    optional={"id": st.sampled_from(["a", "b", 'c"']), "subject": st.just({"reference": "#"})},
)
NAMED = st.sampled_from(["#a", "#b", "#", 'x"#a"', "a", '#c"', "#A"])


@given(st.lists(CONTAINED, max_size=2), st.lists(NAMED, max_size=2))
def test_what_is_contained_is_used_where_a_text_names_it(contained: list[Any], named: list[str]) -> None:
    resource = {
        "resourceType": "Patient",
        "contained": contained,
        "link": [{"other": {"reference": n}} for n in named],
    }
    rules = {one.expression for one in VALIDATOR.validate(resource) if "dom-3" in one.message}
    used = all(f"#{one.get('id')}" in named or "subject" in one for one in contained)
    assert (rules == set()) is used


PARTS = st.fixed_dictionaries(
    {"resourceType": st.just("Basic")},
    optional={
        "contained": st.sampled_from([[], [{"resourceType": "Basic"}]]),
        "meta": st.sampled_from([{}, {"versionId": "1"}, {"security": [{"code": "R"}]}, {"lastUpdated": "2026"}]),
    },
)
OF_PARTS = (
    "contained.contained.empty()",
    "contained.meta.versionId.empty() and contained.meta.lastUpdated.empty()",
    "contained.meta.security.empty()",
)


@given(st.lists(PARTS, max_size=2), st.sampled_from(OF_PARTS))
def test_what_is_contained_has_no_more_as_its_expressions_say(contained: list[Any], text: str) -> None:
    resource = {"resourceType": "Patient", "contained": contained}
    native = NATIVE[text](resource)
    if native is not None:
        assert [native] == compile(text, base="Patient").evaluate(resource, Env())
