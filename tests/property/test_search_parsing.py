"""Whatever text comes, a search is understood or refused; what is extracted can always be asked for."""

import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import BadRequest
from gateway.definitions import r4
from gateway.search import Limits, Parameters, extract, matches, parse
from gateway.search.query import Clause, Query
from gateway.terminology import LocalTerminology
from tests import searches

PARAMETERS = Parameters(r4())
TERMINOLOGY = LocalTerminology(r4())
LIMITS = Limits(values=20, compared=10, clauses=8, depth=3, branches=60, expanded=50, includes=10, sort=3, words=5)

TYPES = ("Patient", "Observation", "Encounter", "ValueSet", "List", "Bundle", "RiskAssessment", "Location", "")
CODES = sorted({code for type in TYPES if type for code in PARAMETERS.of(type)} | {"_id", "_lastUpdated", "_list"})
MODIFIERS = ("missing", "exact", "contains", "text", "not", "in", "not-in", "above", "below", "of-type", "identifier")

pieces = st.one_of(
    st.sampled_from(CODES),
    st.sampled_from([":" + modifier for modifier in (*MODIFIERS, "Patient", "iterate", "")]),
    st.sampled_from(
        [".", "_has:", "Observation:patient:", "_include", "_revinclude", "_sort", "_elements", "_total"]
    ),
    st.text(max_size=4),
)
names = st.one_of(st.lists(pieces, min_size=1, max_size=6).map("".join), st.sampled_from(CODES), st.text(max_size=30))
values = st.one_of(
    st.text(st.characters(), max_size=30),
    st.text("\\,|$:-*.eE0123456789gtapsZTPatient/http ", max_size=30),
    st.sampled_from(
        ["true", "Patient/1", "*", "Observation:subject", "1e999", "ap1e-999|http://unitsofmeasure.org|Cel"]
    ),
)


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(TYPES),
    st.lists(st.tuples(names, values), max_size=4),
    st.booleans(),
    st.sampled_from([None, ("Patient", "1"), ("Nothing", "x")]),
)
def test_any_text_is_a_query_or_refused(
    type: str, params: list[tuple[str, str]], strict: bool, compartment: tuple[str, str] | None
) -> None:
    try:
        query = parse(
            type,
            params,
            PARAMETERS,
            "https://h.example/fhir",
            strict=strict,
            terminology=TERMINOLOGY,
            limits=LIMITS,
            compartment=compartment,
            now=0,
        )
    except BadRequest as refused:
        told = " ".join(found.message + found.hint for found in refused.issues)
        assert refused.issues
        assert all(found.rule.startswith("search.") for found in refused.issues)
        assert re.fullmatch(r"[ -~]*", told), "a message shows what a caller wrote"
        return
    assert isinstance(query, Query)
    hash(query.clauses)
    for resource in searches.resources("clinic")[:3]:
        matches(query, resource, PARAMETERS)
    assert depth(query.clauses) <= LIMITS.depth * 2 + 2


def depth(clauses: tuple[Clause, ...]) -> int:
    """How deep the clauses nest."""
    inner: list[Clause] = []
    for clause in clauses:
        inner += getattr(clause, "clauses", ())
        inner += [clause.clause] if hasattr(clause, "clause") else []
    return 1 + depth(tuple(inner)) if inner else 1


ELEMENTS = (
    "code", "subject", "name", "birthDate", "effectivePeriod", "valueQuantity", "url", "meta", "identifier",
    "component", "text", "entry", "item", "prediction", "address", "telecom", "extension", "status",
)  # fmt: skip

trees = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.decimals(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "code",
                    "system",
                    "value",
                    "coding",
                    "text",
                    "type",
                    "reference",
                    "identifier",
                    "start",
                    "low",
                    "url",
                ]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([type for type in TYPES if type]),
    st.dictionaries(
        st.sampled_from(ELEMENTS),
        trees,
        max_size=6,
    ),
)
def test_no_tree_breaks_extraction(type: str, elements: dict[str, Any]) -> None:
    resource = {"resourceType": type, "id": "a", **elements}
    for entry in extract(resource, PARAMETERS):
        assert entry.parameter in PARAMETERS.of(type)
        hash(entry)
