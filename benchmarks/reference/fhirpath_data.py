"""The resources, expressions and hand-written functions of the FHIRPath benchmark; imports nothing of the product.

Each function gives what the expression gives on any valid R4 resource: a list of plain values.
"""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

Resource = dict[str, Any]
UCUM = "http://unitsofmeasure.org"
MRN = "urn:oid:2.16.840.1.113883.19.5"

PATIENT: Resource = {
    "resourceType": "Patient",
    "id": "p1",
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">A patient</div>'},
    "contained": [
        {
            "resourceType": "Organization",
            "id": "o1",
            "name": "Clinic",
            "telecom": [{"system": "phone", "value": "1"}],
        },
        {"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Doe", "given": ["D"]}]},
    ],
    "identifier": [
        {"use": "usual", "system": "urn:system:a", "value": "1"},
        {"use": "official", "system": MRN, "value": "12345"},
        {"system": "urn:system:b", "value": "3"},
    ],
    "active": True,
    "name": [
        {"use": "official", "family": "Chalmers", "given": ["Peter", "James"]},
        {"use": "usual", "given": ["Jim"]},
    ],
    "telecom": [{"system": "phone", "value": "555", "use": "work"}, {"system": "email", "value": "a@b.example"}],
    "gender": "male",
    "birthDate": "1974-12-25",
    "address": [{"use": "home", "line": ["1 Street"], "city": "Town", "postalCode": "3999", "country": "AU"}],
    "contact": [{"name": {"family": "du Marche", "given": ["Benedicte"]}, "telecom": [{"value": "+33"}]}],
    "generalPractitioner": [{"reference": "#d1"}],
    "managingOrganization": {"reference": "#o1"},
}


def _component(code: str, display: str, value: int) -> Resource:
    return {
        "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": display}]},
        "valueQuantity": {"value": value, "unit": "mmHg", "system": UCUM, "code": "mm[Hg]"},
    }


OBSERVATION: Resource = {
    "resourceType": "Observation",
    "id": "bp",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}], "text": "Blood pressure"},
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2026-03-02T10:00:00Z",
    "component": [_component("8480-6", "Systolic", 107), _component("8462-4", "Diastolic", 60)],
}
APPOINTMENT: Resource = {
    "resourceType": "Appointment",
    "id": "a",
    "status": "cancelled",
    "cancelationReason": {"text": "ill"},
    "participant": [{"actor": {"reference": "Patient/p1"}, "status": "accepted"}],
}
WEIGHT: Resource = {
    "resourceType": "Observation",
    "id": "w",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
    "effectiveDateTime": "2026-03-02T10:00:00Z",
    "valueQuantity": {"value": 72.5, "unit": "kg", "system": UCUM, "code": "kg"},
}
BUNDLE: Resource = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"fullUrl": f"urn:uuid:{number:032}", "resource": {"resourceType": "Basic", "id": f"b{number}"}}
        for number in range(100)
    ],
}

APP_4 = (
    "Appointment.cancelationReason.exists() implies (Appointment.status='no-show' or Appointment.status='cancelled')"
)
DOM_3 = (
    "contained.where((('#'+id in (%resource.descendants().reference | %resource.descendants().as(canonical)"
    " | %resource.descendants().as(uri) | %resource.descendants().as(url)))"
    " or descendants().where(reference = '#').exists() or descendants().where(as(canonical) = '#').exists()"
    " or descendants().where(as(canonical) = '#').exists()).not()).trace('unmatched', id).empty()"
)


def field(patient: Resource) -> list[Any]:
    value = patient.get("birthDate")
    return [] if value is None else [value]


def nested(patient: Resource) -> list[Any]:
    found = []
    for name in patient.get("name", ()):
        for given in name.get("given", ()):
            if given is not None:
                found.append(given)
    return found


def where(patient: Resource) -> list[Any]:
    found = []
    for identifier in patient.get("identifier", ()):
        if identifier.get("system") == MRN:
            value = identifier.get("value")
            if value is not None:
                found.append(value)
    return found


def component(observation: Resource) -> list[Any]:
    found = []
    for part in observation.get("component", ()):
        codes = [coding["code"] for coding in part["code"].get("coding", ()) if "code" in coding]
        if codes == ["8480-6"]:
            value = part.get("valueQuantity")
            if value is not None:
                number = value.get("value")
                if number is not None:
                    found.append(number)
    return found


def implies(appointment: Resource) -> list[Any]:
    """app-4: only what does not take place has a reason for that."""
    if appointment.get("cancelationReason") is None:
        return [True]
    status = appointment.get("status")
    return [] if status is None else [status == "no-show" or status == "cancelled"]


def _strings(tree: Any) -> Iterator[str]:
    """Every text of a tree that is a local reference."""
    todo = [tree]
    while todo:
        node = todo.pop()
        for value in node.values() if node.__class__ is dict else node:
            if value.__class__ is str:
                if value[:1] == "#":
                    yield value
            elif value.__class__ is dict or value.__class__ is list:
                todo.append(value)


def dom_3(patient: Resource) -> list[Any]:
    """Every contained resource is referred to, or refers to the container."""
    contained = patient.get("contained")
    if not contained:
        return [True]
    named = set(_strings(patient))
    for resource in contained:
        if "#" + resource["id"] not in named and "#" not in set(_strings(resource)):
            return [False]
    return [True]


def date(patient: Resource) -> list[Any]:
    value = patient.get("birthDate")
    if value is None:
        return []
    if len(value) < 10:
        return _partial(value)
    return [value < "1980-01-01"]


def _partial(value: str) -> list[Any]:
    start = "1980-01-01"[: len(value)]
    return [] if value == start else [value < start]


def quantity(weight: Resource) -> list[Any]:
    value = weight.get("valueQuantity")
    if value is None or "value" not in value:
        return []
    if value.get("system") != UCUM or value.get("code") != "kg" or "comparator" in value:
        raise ValueError("another unit")
    return [value["value"] > 50]


def concatenate(patient: Resource) -> list[Any]:
    names = patient.get("name")
    family, given = "", ""
    if names:
        family = names[0].get("family") or ""
        given = (names[0].get("given") or [""])[0] or ""
    return [family + ", " + given]


def select(bundle: Resource) -> list[Any]:
    found = []
    for entry in bundle.get("entry", ()):
        url = entry.get("fullUrl")
        if url is not None:
            found.append(url)
    return found


Case = tuple[str, str, Resource, Callable[[Resource], list[Any]]]

CASES: tuple[Case, ...] = (
    ("field", "birthDate", PATIENT, field),
    ("nested", "name.given", PATIENT, nested),
    ("where", f"identifier.where(system = '{MRN}').value", PATIENT, where),
    ("component", "component.where(code.coding.code = '8480-6').value.value", OBSERVATION, component),
    ("implies", APP_4, APPOINTMENT, implies),
    ("dom-3", DOM_3, PATIENT, dom_3),
    ("date", "birthDate < @1980-01-01", PATIENT, date),
    ("quantity", "value > 50 'kg'", WEIGHT, quantity),
    ("concat", "name.first().family & ', ' & name.first().given.first()", PATIENT, concatenate),
    ("select", "entry.select(fullUrl)", BUNDLE, select),
)
"""Name, expression, resource and hand-written function."""

FOR_PEER = {
    "dom-3": DOM_3.replace("descendants().as(", "descendants().ofType(").replace(".trace('unmatched', id)", ""),
    "quantity": "value = 72.5 'kg'",
}
"""What both evaluate where fhirpathpy refuses the expression.

It takes as() of a single item only, prints for trace(), and has no order of quantities.
"""


def decimals(resource: Resource) -> Resource:
    """The resource as a FHIR reader gives it: numbers with a point are Decimal."""
    found: Resource = json.loads(json.dumps(resource), parse_float=Decimal)
    return found
