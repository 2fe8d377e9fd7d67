"""CDISC: local dates and study days, dataset files, SDTM that odmlib reads, ODM that its schema accepts."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st
from odmlib.schema_manager import get_schema_path

from gateway.app import build
from gateway.core import loads
from gateway.core.assets import asset_roots
from gateway.core.errors import Unprocessable
from gateway.export.cdisc import (
    Tabulator,
    export_sdtm,
    participants_of,
    read_domain,
    study_domains,
    write_clinical_data,
)
from gateway.export.cdisc.values import local_date_time, study_day
from gateway.ingest import enrol
from gateway.settings import Settings
from tests.unit.ingest.conftest import Sender, heart_rate

AT = datetime(2026, 6, 1, tzinfo=UTC)
STUDY = "hf-dct-01"
DIARIES = Path("mappings/redcap/symptom-diary/examples/three-diaries/payload.json")
ZONES = st.sampled_from(["America/New_York", "Asia/Kolkata", "Europe/Madrid", ""])


@pytest.mark.parametrize(
    ("value", "zone", "local"),
    [
        ("2026", "Europe/Madrid", "2026"),
        ("2026-02", "Europe/Madrid", "2026-02"),
        ("2026-02-03", "Europe/Madrid", "2026-02-03"),
        ("2026-02-03T07:15:00-05:00", "Europe/Madrid", "2026-02-03T07:15:00"),
        ("2026-02-03T23:30:00Z", "Europe/Madrid", "2026-02-04T00:30:00"),
        ("2026-07-03T23:30:00.250Z", "America/New_York", "2026-07-03T19:30:00.250"),
        ("2026-02-03T23:30Z", "Asia/Kolkata", "2026-02-04T05:00"),
        ("2026-02-03T23:30:00Z", "", "2026-02-03T23:30:00"),
        ("2026-02-30T23:30:00Z", "Asia/Kolkata", None),
        ("2026-02-03T23:30:00Z", "Nowhere/None", None),
        ("soon", "Asia/Kolkata", None),
        ("", "Asia/Kolkata", None),
    ],
)
def test_dates_are_those_of_the_participants_clock(value, zone, local):
    assert local_date_time(value, zone) == local


@given(st.integers(10**9, 2 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)), ZONES)
def test_an_instant_is_moved_as_its_zone_says(instant, zone):
    moved = instant.astimezone(ZoneInfo(zone)) if zone else instant
    told = instant.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert local_date_time(told, zone) == moved.strftime("%Y-%m-%dT%H:%M:%S")


@given(st.text(), ZONES)
def test_no_text_is_too_odd_for_a_date(value, zone):
    local = local_date_time(value, zone)
    assert local is None or local[:4].isdigit()


@given(st.dates(date(1990, 1, 1), date(2050, 1, 1)), st.integers(-4000, 4000))
def test_there_is_no_day_zero(start, days):
    found = study_day((start + timedelta(days)).isoformat(), start.isoformat())
    assert found == (days + 1 if days >= 0 else days)
    assert found != 0


@pytest.mark.parametrize(("local", "reference"), [("2026-02", "2026-01-01"), ("2026-02-03", ""), ("", "2026-01-01")])
def test_a_partial_date_has_no_study_day(local, reference):
    assert study_day(local, reference) is None


COLUMNS = "{name: patient, path: getResourceKey()}, {name: sex, path: gender}"
VIEW = f"view: {{resource: Patient, select: [{{column: [{COLUMNS}]}}]}}\n"
GOOD = f"domain: DM\nlabel: D\nclass: X\npatient: patient\n{VIEW}variables:\n  SEX: {{column: sex}}\n"


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (GOOD.replace("domain: DM", "domain: demographics"), 1),
        (GOOD.replace("label: D", "title: D"), 2),
        (GOOD.replace("patient: patient", "patient: subject"), 4),
        (GOOD.replace("path: gender", "path: genders"), 5),
        (GOOD.replace("SEX: {column: sex}", "SEX: {column: gender}"), 7),
        (GOOD.replace("SEX: {column: sex}", "SEX: {column: sex, constant: F}"), 7),
        (GOOD.replace("SEX: {column: sex}", "SEX: {}"), 7),
        (GOOD.replace("SEX: {column: sex}", "ADMINISTRATIVE: {column: sex}"), 7),
        (GOOD.replace("SEX: {column: sex}", "SEX: {column: sex, type: text}"), 7),
        (GOOD.replace("SEX: {column: sex}", "SEX: {column: sex, length: 0}"), 7),
        (GOOD.replace("SEX: {column: sex}", "SEX: {value: sex}"), 7),
        (GOOD.replace("SEX: {column: sex}", "SEX: {participant: name}"), 7),
        (GOOD.replace("SEX: {column: sex}", "SEX: {translate: {map: a}}"), 7),
        (GOOD.replace("SEX: {column: sex}", f"SEX: {{column: sex, label: {'x' * 41}}}"), 7),
        (GOOD.replace(VIEW, f"view:\n  - {VIEW[6:]}  - {VIEW[6:]}".replace("sex", "gender", 1)), 6),
        (GOOD.replace(VIEW, f"view:\n  - {VIEW[6:]}  - 1\n"), 7),
        ("a: [}", 1),
    ],
)
def test_a_faulty_file_is_refused_with_its_line(tmp_path, wrong, line):
    path = tmp_path / "dm.yaml"
    path.write_text(GOOD)
    assert read_domain(path).name == "DM"
    path.write_text(wrong)
    with pytest.raises(Unprocessable) as refused:
        read_domain(path)
    assert refused.value.issues[0].rule == "export.cdisc-domain"
    assert refused.value.issues[0].source.split(":")[:2] == ["dm.yaml", str(line)]


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A gateway of these tests alone: heart rates and diaries."""
    built = build(Settings(data_dir=tmp_path_factory.mktemp("cdisc")))
    study = built.studies[STUDY]
    enrol(built.access.door(study.principal(study.clients["registrar"])), study, built.engines.definitions)
    sender = Sender(built.ingest, study)
    for person in study.participants:
        user = person.identities["urn:google:health:user"]
        sender.send("google-health", heart_rate("2026-02-01T10:00", count=10), vendorUserId=user)
    sender.send("epro-redcap", DIARIES.read_bytes())
    ends(built.access.door(study.principal(study.clients["registrar"])), study)
    yield built
    built.close()


def signed(study):
    return [person for person in study.participants if person.consent == "all" and not person.withdrawn]


def ends(registrar, study):
    """Of those who signed everything the first left before it began, the second was ineligible, the third is off the
    study."""
    first, second, third, *_ = signed(study)
    enrolments = [loads(stored.body) for stored in registrar.stream("ResearchSubject")]
    for person, status in ((first, "withdrawn"), (second, "ineligible"), (third, "off-study")):
        of = f"Patient/{person.patient}"
        [one] = [found for found in enrolments if found["individual"]["reference"] == of]
        period = one["period"] | {"end": "2026-04-02"}
        registrar.commit([{**one, "meta": {}, "status": status, "period": period}])


@pytest.fixture(scope="module")
def study(filled):
    return filled.studies[STUDY]


@pytest.fixture(scope="module")
def door(filled, study):
    return filled.access.door(study.principal(study.clients["statistics"]))


@pytest.fixture(scope="module")
def written(filled, study, door, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdtm")
    (folder / "ex.json").write_text("{}")
    (folder / "notes.json").write_text("{}")
    engines = filled.engines
    tabulator = Tabulator(
        door, participants_of(door, study), engines.parameters, engines.terminology, engines.definitions
    )
    domains = study_domains(STUDY, asset_roots("profiles"))
    assert set(domains) == {"AE", "DM", "DS", "FA", "LB", "QS", "SV", "VS"}
    export_sdtm(tabulator, folder, STUDY, study.title, AT, list(domains.values()))
    return folder


def rows_of(folder, name):
    """The records of a dataset as odmlib reads them, by the names of its variables."""
    model = import_module("odmlib.dataset_json_1_1.model")
    dataset = model.DatasetJSON.read_json(str(folder / f"{name}.json"))
    assert dataset.records == len(dataset.rows or [])
    return [dict(zip(dataset.column_names, row, strict=True)) for row in dataset.rows or []]


def test_who_may_be_taken_along_is_in_dm_and_nobody_else(written, door):
    patients = {loads(one.body)["identifier"][0]["value"] for one in door.stream("Patient")}
    rows = rows_of(written, "dm")
    assert patients
    assert {row["SUBJID"] for row in rows} == patients
    assert all(row["USUBJID"] == f"HF-DCT-01-{row['SUBJID']}" and row["SITEID"] in row["SUBJID"] for row in rows)
    assert {row["SEX"] for row in rows} <= {"F", "M"}


def test_vital_signs_are_those_that_a_search_finds(written, door):
    rows = rows_of(written, "vs")
    found = [one for stored in door.stream("Observation") if "8867-4" in str(one := loads(stored.body))]
    assert len(rows) == len(found) > 0
    assert sorted(row["VSSTRESN"] for row in rows) == sorted(one["valueQuantity"]["value"] for one in found)
    assert {row["VSTESTCD"] for row in rows} == {"HR"}
    assert {row["VSORRESU"] for row in rows} == {"beats/min"}


def test_records_are_numbered_and_in_order_for_each_participant(written):
    by_subject = {}
    for row in rows_of(written, "vs"):
        by_subject.setdefault(row["USUBJID"], []).append((row["VSSEQ"], row["VSTESTCD"], row["VSDTC"], row["VSDY"]))
    assert list(by_subject) == sorted(by_subject)
    for rows in by_subject.values():
        assert [number for number, *_ in rows] == list(range(1, len(rows) + 1))
        assert [row[1:3] for row in rows] == sorted(row[1:3] for row in rows)
        assert all(day > 0 for *_, day in rows)


def test_dispositions_are_consents_and_enrolments_with_a_reason(written, study, door):
    rows = rows_of(written, "ds")
    told = {row["SUBJID"]: row["USUBJID"] for row in rows_of(written, "dm")}
    terms = {}
    for row in rows:
        terms.setdefault(row["USUBJID"], []).append((row["DSSEQ"], row["DSCAT"], row["DSDECOD"], row["DSSTDTC"]))
    assert set(terms) == set(told.values())
    first, second, third, *others = signed(study)
    consented = {
        (row["USUBJID"], row["DSSTDTC"][:10]) for row in rows if row["DSDECOD"] == "INFORMED CONSENT OBTAINED"
    }
    assert len(consented) == len(told) == sum(1 for _ in door.stream("Consent"))
    ended = {subject: [one[1:] for one in found if one[1] == "DISPOSITION EVENT"] for subject, found in terms.items()}
    assert ended[told[first.id]] == [("DISPOSITION EVENT", "WITHDRAWAL BY SUBJECT", "2026-04-02")]
    assert ended[told[second.id]] == [("DISPOSITION EVENT", "SCREEN FAILURE", "2026-04-02")]
    assert ended[told[third.id]] == []
    assert not any(ended[told[one.id]] for one in others)
    manifest = json.loads((written / "manifest.json").read_bytes())
    assert [one["leftOut"] for one in manifest["datasets"] if one["dataset"] == "DS"] == [{"DSDECOD": 1}]
    for found in terms.values():
        assert [number for number, *_ in found] == list(range(1, len(found) + 1))
        assert [one[3] for one in found] == sorted(one[3] for one in found)
    words = [row["DSTERM"] for row in rows if row["DSDECOD"] == "WITHDRAWAL BY SUBJECT"]
    assert words == ["Status of the subject: withdrawn"]


def test_supplements_name_the_records_that_they_are_about(written):
    numbers = {(row["USUBJID"], str(row["VSSEQ"])) for row in rows_of(written, "vs")}
    beside = rows_of(written, "suppvs")
    assert {(row["USUBJID"], row["IDVARVAL"]) for row in beside} <= numbers
    assert {row["QNAM"] for row in beside} == {"VSDEVICE"}


def test_datasets_of_earlier_runs_are_removed_and_other_files_left(written):
    assert not (written / "ex.json").exists()
    assert (written / "notes.json").exists()
    manifest = json.loads((written / "manifest.json").read_bytes())
    assert {one["file"] for one in manifest["datasets"]} <= {path.name for path in written.iterdir()}


def test_the_definition_of_the_datasets_holds_by_its_schema(written):
    schema = xmlschema.XMLSchema(get_schema_path("define", "2.1"))
    schema.validate(str(written / "define.xml"))
    tree = schema.to_dict(str(written / "define.xml"))
    text = (written / "define.xml").read_text()
    for file in written.glob("*.json"):
        if file.name not in ("manifest.json", "notes.json"):
            assert f'href="{file.name}"' in text
    assert tree["Study"]


def test_numbers_keep_their_digits(written):
    text = (written / "vs.json").read_bytes()
    rows = json.loads(text, parse_float=Decimal)["rows"]
    assert {str(row[9]) for row in rows} <= {str(row[6]) for row in rows}


def test_answers_hold_by_the_schema_of_odm(filled, study, door, tmp_path):
    path = tmp_path / "answers.xml"
    count = write_clinical_data(path, door, participants_of(door, study), filled.engines.parameters, STUDY, AT)
    assert count == sum(1 for _ in door.stream("QuestionnaireResponse")) > 0
    xmlschema.XMLSchema(get_schema_path("odm", "1.3.2")).validate(str(path))


def test_each_answer_is_a_record_or_counted(written, door):
    rows = rows_of(written, "qs")
    responses = [loads(stored.body) for stored in door.stream("QuestionnaireResponse")]
    items = [item for one in responses if one["status"] == "completed" for item in one["item"]]
    answers = [item for item in items if item["linkId"] != "diary-date" and item.get("answer")]
    manifest = json.loads((written / "manifest.json").read_bytes())
    [left_out] = [one["leftOut"] for one in manifest["datasets"] if one["dataset"] == "QS"]
    assert left_out == {"QSTESTCD": len([item for item in answers if item["linkId"] == "comment"])}
    assert len(rows) + left_out["QSTESTCD"] == len(answers) > 0
    assert {row["QSTESTCD"][:5] for row in rows} == {"HFD01"}
