"""Policy files: every fault with its place and what is needed there, and what is read of one without faults."""

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest

from gateway.core.errors import Unprocessable
from gateway.export.deidentify import Deidentifier, StudyKey, load_policy
from gateway.export.deidentify.methods import OLDEST_AGE, Site, perturb

KEEP = "fhirPathRules:\n  - {path: Patient.name, method: keep}\n"
RULES = "fhirPathRules, a list of rules"
RULE = "path, a text, and method"
METHODS = "one of keep, redact, cryptoHash, dateShift, generalize, substitute, perturb"
ONLY = "description, fhirPathRules, fhirVersion, name, parameters, processingErrors and nothing else"
NO_KEYS = "no keys: they are the study's, in the key folder"
PARAMETERS = (
    "one of dateShiftScope, enablePartialAgesForRedact, enablePartialDatesForRedact, "
    "enablePartialZipCodesForRedact, restrictedZipCodeTabulationAreas, of its type"
)
CASES = "cases (criterion: value) and otherValues (redact or keep)"
SPAN = "span, a number above 0"
RANGE = "rangeType fixed, or proportional with a span up to 2"
DIGITS = "roundTo, a number of digits from 0 to 28"
REPLACE = "replaceWith, a primitive value"
FUNCTIONS = "where(...) and ofType(...) and no other functions"
START = "nodesByType('...') or nodesByName('...') at its beginning"
PATH = "a path of a type and elements, nodesByType('...') or nodesByName('...')"


def rule(text):
    return f"fhirPathRules:\n  - {{path: Patient.name, {text}}}"


def path(text):
    return f'fhirPathRules:\n  - {{path: "{text}", method: keep}}'


KEY = StudyKey("s", b"k")
INNER = "a criterion that compiles (There is no function nodesByType())"
FAULTY = [
    ("[1]", "1:1", RULES),
    ("{}", "1:1", RULES),
    ("name: x", "1:1", RULES),
    ("name: x\nfhirPathRules: {}", "2:16", RULES),
    ("name: x\nfhirPathRules: []", "2:16", RULES),
    (f"{KEEP}secret: 1", "3:9", ONLY),
    (f"{KEEP}fhirVersion: R5", "3:14", "R4"),
    (f"{KEEP}processingErrors: keep", "3:19", "raise or skip"),
    (f"{KEEP}parameters:\n  cryptoHashKey: a", "4:18", NO_KEYS),
    (f"{KEEP}parameters:\n  dateShiftKey: a", "4:17", NO_KEYS),
    (f"{KEEP}parameters:\n  encryptKey: a", "4:15", NO_KEYS),
    (f"{KEEP}parameters:\n  other: a", "4:10", PARAMETERS),
    (f"{KEEP}parameters:\n  enablePartialDatesForRedact: 1", "4:32", PARAMETERS),
    (f"{KEEP}parameters:\n  enablePartialAgesForRedact: 'yes'", "4:31", PARAMETERS),
    (f"{KEEP}parameters:\n  enablePartialZipCodesForRedact: []", "4:35", PARAMETERS),
    (f"{KEEP}parameters:\n  restrictedZipCodeTabulationAreas: a", "4:37", PARAMETERS),
    (f"{KEEP}parameters:\n  dateShiftScope: resource", "4:19", "patient: any other scope would break intervals"),
    ("fhirPathRules:\n  - 5", "2:5", RULE),
    ("fhirPathRules:\n  - {method: keep}", "2:5", RULE),
    ("fhirPathRules:\n  - {path: 5, method: keep}", "2:5", RULE),
    ("fhirPathRules:\n  - {path: Patient.name}", "2:5", METHODS),
    (rule("method: encrypt"), "2:34", METHODS),
    (rule("method: [keep]"), "2:34", METHODS),
    (rule("method: generalize"), "2:5", CASES),
    (rule("method: generalize, cases: [1]"), "2:5", CASES),
    (rule("method: generalize, cases: {}"), "2:5", CASES),
    (rule("method: generalize, cases: {'$this = 1': 2}, otherValues: drop"), "2:5", CASES),
    (rule("method: generalize, cases: {'(': 2}"), "2:5", "criteria that compile (The expression is not complete)"),
    (rule("method: perturb"), "2:5", SPAN),
    (rule("method: perturb, span: 0"), "2:5", SPAN),
    (rule("method: perturb, span: -1"), "2:5", SPAN),
    (rule("method: perturb, span: true"), "2:5", SPAN),
    (rule("method: perturb, span: x"), "2:5", SPAN),
    (rule("method: perturb, span: 1, rangeType: x"), "2:5", RANGE),
    (rule("method: perturb, span: 2.5, rangeType: proportional"), "2:5", RANGE),
    (rule("method: perturb, span: 3, rangeType: proportional"), "2:5", RANGE),
    (rule("method: perturb, span: 1, roundTo: -1"), "2:5", DIGITS),
    (rule("method: perturb, span: 1, roundTo: 29"), "2:5", DIGITS),
    (rule("method: perturb, span: 1, roundTo: 1.5"), "2:5", DIGITS),
    (rule("method: perturb, span: 1, roundTo: x"), "2:5", DIGITS),
    (rule("method: substitute"), "2:5", REPLACE),
    (rule("method: substitute, replaceWith: [1]"), "2:5", REPLACE),
    (rule("method: substitute, replaceWith: {a: 1}"), "2:5", REPLACE),
    (path("Patient.("), "2:12", "FHIRPath (Expected a name)"),
    (path("Patients.name"), "2:12", "types of R4"),
    (path("Patient.name.first()"), "2:12", FUNCTIONS),
    (path("Patient.name.trim()"), "2:12", FUNCTIONS),
    (path("Patient.name.exists(use = 'a')"), "2:12", FUNCTIONS),
    (path("Patient.name.select(family)"), "2:12", FUNCTIONS),
    (path("Patient.name.where(nodesByType('x'))"), "2:12", INNER),
    (path("nodesByType(Reference)"), "2:12", START),
    (path("nodesByType('Nothing')"), "2:12", "types of R4"),
    (path("exists()"), "2:12", START),
    (path("1 + 1"), "2:12", PATH),
    (path("Patient.name[0]"), "2:12", PATH),
]  # fmt: skip


def written(folder, text):
    file = folder / "my.policy.yaml"
    file.write_text(text, "utf-8")
    return load_policy(file)


@pytest.mark.parametrize(("text", "place", "expected"), FAULTY)
def test_a_fault_is_told_with_its_place_and_what_is_needed(tmp_path, text, place, expected):
    with pytest.raises(Unprocessable) as refused:
        written(tmp_path, text)
    [found] = refused.value.issues
    assert found.rule == "export.policy-element"
    assert (found.source, found.message) == (f"my.policy.yaml:{place}", f"The policy needs {expected} here")


def test_every_fault_is_told(tmp_path):
    with pytest.raises(Unprocessable) as refused:
        written(tmp_path, "a: 1\nfhirPathRules:\n  - {path: Patients, method: keep}\n  - 5\nprocessingErrors: x")
    assert [one.source.removeprefix("my.policy.yaml:") for one in refused.value.issues] == [
        "1:4",
        "5:19",
        "3:12",
        "4:5",
    ]


@pytest.mark.parametrize("content", [b"{", b"name: \xff"])
def test_what_is_no_text_or_no_yaml_is_no_policy(tmp_path, content):
    file = tmp_path / "p.yaml"
    file.write_bytes(content)
    with pytest.raises(Unprocessable) as refused:
        load_policy(file)
    [found] = refused.value.issues
    assert (found.rule, found.source) == ("export.policy-file", "p.yaml")


def test_what_stands_in_a_file_is_read(tmp_path):
    found = written(
        tmp_path,
        "name: Zürich 1\ndescription: ours\nfhirVersion: R4\nprocessingErrors: skip\nparameters: {}\n"
        "fhirPathRules:\n  - {path: Patient.id, method: cryptoHash}\n  - {path: Patient.name, method: redact}\n",
    )
    assert (found.name, found.errors) == ("Zürich 1", "skip")
    assert [(one.path.of, one.path.steps, one.name) for one in found.rules] == [
        ("Patient", ("id",), "cryptoHash"),
        ("Patient", ("name",), "redact"),
    ]


def test_what_a_file_leaves_open(tmp_path):
    found = written(tmp_path, KEEP)
    assert (found.name, found.errors) == ("my.policy", "raise")
    sites = [Site("date", "a", "B"), Site("decimal", "value", "Age"), Site("string", "postalCode", "Address")]
    assert [found.otherwise(site) for site in sites] == ["drop"] * 3
    assert written(tmp_path, f"{KEEP}processingErrors: raise").errors == "raise"


@pytest.mark.parametrize(
    ("parameter", "site", "value", "left"),
    [
        ("enablePartialDatesForRedact", Site("date", "start", "Period"), "2026-02-03", "2026"),
        ("enablePartialAgesForRedact", Site("decimal", "value", "Age"), OLDEST_AGE, OLDEST_AGE),
        ("enablePartialZipCodesForRedact", Site("string", "postalCode", "Address"), "02139", "02100"),
    ],
)
def test_a_parameter_lets_a_part_of_its_values_through(tmp_path, parameter, site, value, left):
    def decision(told):
        return written(tmp_path, f"{KEEP}parameters: {{{parameter}: {told}}}").otherwise(site)

    assert decision("false") == "drop"
    assert decision("true")(value, None) == left


def test_restricted_areas_and_the_scope_of_shifts_are_parameters(tmp_path):
    found = written(
        tmp_path,
        f"{KEEP}parameters: {{enablePartialZipCodesForRedact: true, dateShiftScope: patient,"
        " restrictedZipCodeTabulationAreas: ['036', 102]}",
    ).otherwise(Site("string", "postalCode", "Address"))
    assert [found(code, None) for code in ("03601", "10299", "02139")] == ["00000", "00000", "02100"]


NUMBER = {"resourceType": "Observation", "id": "a", "valueQuantity": {"value": Decimal("70.25")}}
SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"


def labels(folder, tree, *rules):
    found = Deidentifier(written(folder, json.dumps({"fhirPathRules": list(rules)})), KEY, date(2026, 6, 1)).apply(
        tree
    )
    return found, {one["code"] for one in found.get("meta", {}).get("security", ()) if one["system"] == SYSTEM}


@pytest.mark.parametrize(
    ("method", "label"),
    [
        ({"method": "redact"}, "REDACTED"),
        ({"method": "cryptoHash"}, "CRYTOHASH"),
        ({"method": "dateShift"}, "PERTURBED"),
        ({"method": "perturb", "span": 2}, "PERTURBED"),
        ({"method": "generalize", "cases": {"true": 1}}, "GENERALIZED"),
        ({"method": "substitute", "replaceWith": 5}, "SUBSTITUTED"),
    ],
)
def test_what_was_done_is_told_by_a_label(tmp_path, method, label):
    place = "Observation.effective" if method["method"] == "dateShift" else "Observation.value.value"
    tree = NUMBER | {"effectiveDateTime": "2026-02-03"}
    keep = {"path": "Observation", "method": "keep"}
    assert labels(tmp_path, tree, {"path": place, **method}, keep)[1] == {label}
    assert labels(tmp_path, tree, keep) == (tree, set())


@pytest.mark.parametrize(("others", "left"), [("keep", Decimal("70.25")), ("redact", None), (None, None)])
def test_other_values_are_kept_where_the_rule_says_so(tmp_path, others, left):
    said = {"otherValues": others} if others else {}
    method = {"method": "generalize", "cases": {"$this < 18": 1}, **said}
    found, _ = labels(tmp_path, NUMBER, {"path": "Observation.value.value", **method})
    assert found.get("valueQuantity", {}).get("value") == left


@pytest.mark.parametrize(
    ("told", "span", "digits", "proportional"),
    [
        ("span: 0.5", "0.5", 0, False),
        ("span: 2", "2", 0, False),
        ("span: 1, roundTo: 0", "1", 0, False),
        ("span: 1, roundTo: 2", "1", 2, False),
        ("span: 1, roundTo: 28", "1", 28, False),
        ("span: 3, rangeType: fixed, roundTo: 1", "3", 1, False),
        ("span: 2, rangeType: proportional, roundTo: 1.0", "2", 1, True),
        ("span: 0.1, rangeType: proportional", "0.1", 0, True),
    ],
)
def test_noise_is_as_large_as_the_rule_says(tmp_path, told, span, digits, proportional):
    site, subject = Site("decimal", "value", "Quantity"), Somebody()
    [found] = written(tmp_path, rule(f"method: perturb, {told}")).rules
    same = perturb(Decimal(span), digits, proportional=proportional)(site)
    for value in (Decimal("0.7025"), 3, Decimal("-70.5")):
        made = found.method(site)(value, subject)
        assert (made, str(made)) == (same(value, subject), str(same(value, subject)))


@dataclass
class Somebody:
    key: StudyKey = KEY
    identity: str = "Observation/a"
