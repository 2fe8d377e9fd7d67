"""De-identification: an allow list, one shift a participant, and keyed hashes."""

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import dumps, loads
from gateway.core.assets import asset_roots
from gateway.core.errors import Unavailable, Unprocessable
from gateway.export.deidentify import Deidentifier, StudyKey, load_policy, shipped_policies, study_key
from tests.compliance.official import folder

TODAY = date(2026, 6, 1)
KEY = StudyKey("s1", b"k" * 32)
SHIPPED = shipped_policies(asset_roots("profiles"))


def shipped(name, key=KEY):
    return Deidentifier(load_policy(SHIPPED[name]), key, TODAY)


def written(tmp_path, text, key=KEY):
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    return Deidentifier(load_policy(path), key, TODAY)


def rules(*pairs, **parameters):
    return json.dumps(
        {"fhirPathRules": [{"path": path, **method} for path, method in pairs], "parameters": parameters}
    )


KEEP, REDACT, HASH, SHIFT = ({"method": name} for name in ("keep", "redact", "cryptoHash", "dateShift"))


def test_the_shipped_policies_are_two():
    assert set(SHIPPED) == {"research-pseudonymised", "safe-harbor"}


def test_what_no_rule_names_is_redacted(tmp_path):
    deidentifier = written(tmp_path, rules(("Patient.gender", KEEP)))
    found = deidentifier.apply({"resourceType": "Patient", "id": "a", "gender": "male", "name": [{"family": "X"}]})
    assert {key: value for key, value in found.items() if key != "meta"} == {
        "resourceType": "Patient",
        "gender": "male",
    }
    assert [coding["code"] for coding in found["meta"]["security"]] == ["REDACTED"]


def test_the_first_rule_that_names_a_value_or_what_it_is_part_of_decides(tmp_path):
    tree = {"resourceType": "Patient", "address": [{"state": "MA", "city": "C", "country": "US"}]}
    first = written(tmp_path, rules(("nodesByType('Address').city", REDACT), ("Patient.address", KEEP)))
    assert first.apply(tree)["address"] == [{"state": "MA", "country": "US"}]
    last = written(tmp_path, rules(("Patient.address", KEEP), ("nodesByType('Address').city", REDACT)))
    assert last.apply(tree) == tree


def test_a_rule_holds_in_contained_resources_and_in_bundles(tmp_path):
    deidentifier = written(tmp_path, rules(("Patient.gender", KEEP), ("Resource.id", HASH)))
    patient = {"resourceType": "Patient", "id": "p", "gender": "male", "birthDate": "1980-01-01"}
    bundle = deidentifier.apply({"resourceType": "Bundle", "entry": [{"fullUrl": "urn:x", "resource": patient}]})
    assert bundle["entry"] == [{"resource": {"resourceType": "Patient", "id": KEY.hash("p"), "gender": "male"}}]


def test_a_condition_narrows_a_rule(tmp_path):
    deidentifier = written(tmp_path, rules(("Patient.telecom.where(system = 'url').value", KEEP)))
    tree = {
        "resourceType": "Patient",
        "telecom": [{"system": "url", "value": "a"}, {"system": "phone", "value": "b"}],
    }
    assert deidentifier.apply(tree)["telecom"] == [{"value": "a"}]


def test_extensions_of_primitives_are_judged_by_themselves(tmp_path):
    deidentifier = written(tmp_path, rules(("Patient.gender", KEEP)))
    tree = {"resourceType": "Patient", "gender": "male", "_gender": {"extension": [{"url": "u", "valueString": "X"}]}}
    assert "_gender" not in deidentifier.apply(tree)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("fhirPathRules: []", 1),
        ("fhirPathRules:\n  - {path: Patient.name}", 2),
        ("fhirPathRules:\n  - {path: Patient.name, method: encrypt}", 2),
        ("fhirPathRules:\n  - {path: Patients.name, method: keep}", 2),
        ("fhirPathRules:\n  - {path: Patient.name.first(), method: keep}", 2),
        ("fhirPathRules:\n  - {path: 'Patient.(', method: keep}", 2),
        ("fhirPathRules:\n  - {path: nodesByType(Reference), method: keep}", 2),
        ("fhirPathRules:\n  - {path: Patient.name, method: generalize}", 2),
        ("fhirPathRules:\n  - {path: Patient.name, method: perturb, span: -1}", 2),
        ("fhirPathRules:\n  - {path: Patient.name, method: substitute}", 2),
        ("fhirPathRules:\n  - {path: Patient.name, method: keep}\nparameters:\n  cryptoHashKey: secret", 4),
        ("fhirPathRules:\n  - {path: Patient.name, method: keep}\nparameters:\n  dateShiftScope: resource", 4),
        ("fhirPathRules:\n  - {path: Patient.name, method: keep}\nprocessingErrors: keep", 3),
        ("fhirPathRules:\n  - {path: Patient.name, method: keep}\nsecret: 1", 3),
        ("- 1", 1),
        ("{", 1),
    ],
)
def test_a_faulty_policy_is_refused_with_its_line(tmp_path, text, line):
    with pytest.raises(Unprocessable) as refused:
        written(tmp_path, text)
    [found] = refused.value.issues[:1]
    assert found.source.split(":")[:2] in (["policy.yaml", str(line)], ["policy.yaml"])


SHIFTED = st.dates(date(1990, 1, 1), date(2030, 1, 1))


@given(SHIFTED, SHIFTED, st.text(st.characters(codec="ascii", categories=["Lu", "Nd"]), min_size=1, max_size=8))
def test_intervals_of_a_participant_stay_true(first, second, patient):
    deidentifier = shipped("research-pseudonymised")
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "subject": {"reference": f"Patient/{patient}"},
        "effectivePeriod": {"start": f"{first}T10:00:00+05:30", "end": f"{second}T11:30:00Z"},
    }
    period = deidentifier.apply(observation)["effectivePeriod"]
    start, end = date.fromisoformat(period["start"][:10]), date.fromisoformat(period["end"][:10])
    assert end - start == second - first
    assert abs(start - first) <= timedelta(days=50)
    assert (period["start"][10:], period["end"][10:]) == ("T10:00:00+05:30", "T11:30:00Z")


@pytest.mark.parametrize(
    "tree",
    [
        {"effectiveDateTime": "2026-02"},
        {"effectiveDateTime": "2026"},
        {"effectiveDateTime": "0001-01-01"},
        {"effectiveDateTime": "9999-12-31"},
        {"effectiveDateTime": "soon"},
        {"effectiveDateTime": "2026-02-03", "subject": {"reference": "Group/1"}},
        {"effectiveDateTime": "2026-02-03", "performer": [{"reference": "Patient/2"}]},
    ],
)
def test_a_date_that_cannot_be_moved_is_left_out(tree):
    key = next(key for key in (StudyKey("s", bytes([n]) * 32) for n in range(99)) if abs(key.shift("1")) > 1)
    ends = {"0001": -1, "9999": 1}.get(tree["effectiveDateTime"][:4])
    if ends:
        key = next(k for k in (StudyKey("s", bytes([n]) * 32) for n in range(99)) if k.shift("1") * ends > 0)
    found = shipped("research-pseudonymised", key).apply(
        {"resourceType": "Observation", "subject": {"reference": "Patient/1"}, **tree}
    )
    assert "effectiveDateTime" not in found


@pytest.mark.parametrize(
    ("born", "left"),
    [
        ("1936-06-02", "1936"),
        ("1936-06-01", None),
        ("1936", None),
        ("1937", "1937"),
        ("1900-01-01", None),
        ("x", None),
    ],
)
def test_ages_above_89_are_not_told(born, left):
    for name in SHIPPED:
        assert shipped(name).apply({"resourceType": "Patient", "birthDate": born}).get("birthDate") == left


@pytest.mark.parametrize(
    ("code", "left"),
    [("02139", "02100"), ("02139-1234", "02100"), ("03601", "00000"), ("SW1A 1AA", None), ("", None)],
)
def test_three_digits_of_a_zip_code_are_left_where_many_live(code, left):
    found = shipped("safe-harbor").apply(
        {"resourceType": "Patient", "address": [{"postalCode": code, "state": "MA"}]}
    )
    assert found["address"][0].get("postalCode") == left


@pytest.mark.parametrize(
    ("reference", "left"),
    [
        ("Patient/1", f"Patient/{KEY.hash('1')}"),
        ("Patient/1/_history/3", f"Patient/{KEY.hash('1')}"),
        ("https://hospital.example/fhir/Patient/1", f"Patient/{KEY.hash('1')}"),
        ("#1", f"#{KEY.hash('1')}"),
        ("Patient?identifier=mrn|123", None),
    ],
)
def test_references_join_and_tell_no_address(reference, left):
    tree = {"resourceType": "Observation", "subject": {"reference": reference}}
    assert shipped("safe-harbor").apply(tree).get("subject", {}).get("reference") == left


def test_the_same_participant_has_another_hash_in_another_study():
    other = StudyKey("s2", b"k" * 32)
    assert KEY.hash("1") != other.hash("1")
    assert StudyKey("s1", b"l" * 32).hash("1") != KEY.hash("1")


def test_noise_is_bounded_rounded_and_the_same_each_time(tmp_path):
    deidentifier = written(
        tmp_path, rules(("Observation.value.value", {"method": "perturb", "span": 4, "roundTo": 1}))
    )
    tree = {"resourceType": "Observation", "id": "a", "valueQuantity": {"value": Decimal("70.25")}}
    found = {deidentifier.apply(tree)["valueQuantity"]["value"] for _ in range(3)}
    assert len(found) == 1
    [value] = found
    assert abs(value - Decimal("70.25")) <= Decimal("2.05")
    assert value.as_tuple().exponent == -1


def test_values_are_generalised_by_the_first_case(tmp_path):
    cases = {"$this < 18": "minor", "$this >= 18": "adult"}
    deidentifier = written(tmp_path, rules(("Patient.multipleBirth", {"method": "generalize", "cases": cases})))
    assert (
        deidentifier.apply({"resourceType": "Patient", "multipleBirthInteger": 20})["multipleBirthInteger"] == "adult"
    )


def test_a_resource_that_cannot_be_judged_is_refused_or_left_out(tmp_path):
    deep = {"url": "u"}
    for _ in range(500):
        deep = {"extension": [deep], "url": "u"}
    for tree in (
        {},
        {"resourceType": "Nothing"},
        {"resourceType": "Patient", "gender": {"a": 1}},
        {"resourceType": "Patient", **deep},
    ):
        with pytest.raises(Unprocessable, match=r"export\.deidentify"):
            written(tmp_path, rules(("Patient.gender", KEEP), ("Patient.extension", KEEP))).apply(tree)
    skipping = json.loads(rules(("Patient.gender", KEEP))) | {"processingErrors": "skip"}
    assert written(tmp_path, json.dumps(skipping)).apply({"resourceType": "Nothing"}) is None


def test_every_official_example_can_be_deidentified():
    try:
        files = sorted(folder("r4-examples").glob("*.json"))
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    deidentifier = shipped("research-pseudonymised")
    count = 0
    for path in files[::7]:
        found = deidentifier.apply(loads(path.read_bytes()))
        assert deidentifier.apply(loads(path.read_bytes())) == found
        assert b'"div"' not in dumps(found)
        count += 1
    assert count > 100


def test_a_studys_key_is_made_once_and_guarded(tmp_path):
    first = study_key(tmp_path / "keys", "hf-dct-01")
    assert study_key(tmp_path / "keys", "hf-dct-01") == first
    assert study_key(tmp_path / "keys", "other").secret != first.secret
    path = tmp_path / "keys" / "deidentify-hf-dct-01.key"
    assert path.stat().st_mode & 0o077 == 0
    path.chmod(0o644)
    with pytest.raises(Unavailable):
        study_key(tmp_path / "keys", "hf-dct-01")
    assert "secret" not in repr(first)
