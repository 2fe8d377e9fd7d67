"""Whatever a profile or value set says: findings, never an exception."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.conformance import Validator
from gateway.definitions import Definitions, r4
from gateway.terminology import LocalTerminology
from tests.unit.conformance.test_profiles import PATIENT, PREFIX, Shelf

ODD = st.none() | st.booleans() | st.integers(-2, 5) | st.text(max_size=4) | st.just([]) | st.just({})
PATHS = """
    Patient Patient.identifier Patient.identifier.system Patient.birthDate Patient.deceased[x] Patient.deceasedBoolean
    Patient.extension Patient.nothing.below Observation.code Patient.
"""
DISCRIMINATORS = st.fixed_dictionaries(
    {"type": st.sampled_from(["value", "pattern", "exists", "type", "profile", "odd"]),
     "path": st.sampled_from(["$this", "system", "url", "value.ofType(", "resolve().x", "", "extension('a').value"])}
)  # fmt: skip
ELEMENTS = st.fixed_dictionaries(
    {"path": st.sampled_from(PATHS.split())},
    optional={
        "min": st.integers(0, 3),
        "max": st.sampled_from(["0", "1", "*", "x"]),
        "sliceName": st.sampled_from(["a", "b", "a/c"]),
        "slicing": st.fixed_dictionaries(
            {"discriminator": st.lists(DISCRIMINATORS, max_size=2)},
            optional={"rules": st.sampled_from(["open", "closed", "openAtEnd", "odd"]), "ordered": st.booleans()},
        ),
        "type": st.lists(
            st.fixed_dictionaries(
                {"code": st.sampled_from(["string", "Identifier", "Extension", "Reference", "Odd", "boolean"])},
                optional={"profile": st.just(["urn:p"]), "targetProfile": st.just([PREFIX + "Patient"])},
            ),
            max_size=2,
        ),
        "fixedUri": ODD,
        "patternIdentifier": ODD,
        "binding": st.fixed_dictionaries({"strength": st.just("required"), "valueSet": st.just("urn:vs")}),
        "constraint": st.just([{"key": "k", "severity": "error", "human": "h", "expression": "(("}]) | ODD,
        "minValueDate": ODD,
        "contentReference": st.just("#Patient.contact") | st.just("#odd"),
    },
)
CONCEPTS = st.lists(st.fixed_dictionaries({}, optional={"code": ODD, "display": ODD, "concept": ODD}), max_size=2)
INCLUDES = st.lists(
    st.fixed_dictionaries(
        {}, optional={"system": ODD | st.just("urn:cs"), "concept": CONCEPTS | ODD, "filter": ODD, "valueSet": ODD}
    )
    | ODD,
    max_size=2,
)


@given(st.lists(ELEMENTS, max_size=6), st.sampled_from([PREFIX + "Patient", "urn:p", "urn:none", PREFIX + "Element"]))
@settings(max_examples=120, deadline=None)
def test_any_profile(elements: list[dict[str, Any]], base: str) -> None:
    profile = {
        "resourceType": "StructureDefinition",
        "url": "urn:p",
        "type": "Patient",
        "kind": "resource",
        "derivation": "constraint",
        "baseDefinition": base,
        "differential": {"element": elements},
    }
    definitions = Definitions.of(r4(), Shelf(profile))
    found = Validator(definitions, LocalTerminology(definitions)).validate(PATIENT, ["urn:p"])
    assert isinstance(found, list)


@given(INCLUDES, INCLUDES, CONCEPTS)
@settings(max_examples=120, deadline=None)
def test_any_value_set(includes: list[Any], excludes: list[Any], concepts: list[Any]) -> None:
    value_set = {"resourceType": "ValueSet", "url": "urn:vs", "compose": {"include": includes, "exclude": excludes}}
    system = {"resourceType": "CodeSystem", "url": "urn:cs", "content": "complete", "concept": concepts}
    terminology = LocalTerminology(Definitions.of(r4(), Shelf(value_set, system)))
    assert terminology.validate_code("urn:cs", "a", "urn:vs").result in (True, False, None)
    terminology.expand("urn:vs")
    terminology.lookup("urn:cs", "a")
