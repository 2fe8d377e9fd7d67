"""A role that the study de-identifies: its exports hold what the policy lets go, and it is shown nothing else."""

import json
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gateway.core import dumps
from gateway.core.assets import asset_root, asset_roots
from gateway.core.errors import Forbidden, Unprocessable
from gateway.export import export
from gateway.export.deidentify import Deidentifier, load_policy, shipped_policies, study_key
from gateway.study import withdraw
from tests.e2e.exports import download, end, exported, finished, kick_off, place
from tests.e2e.http_gateway import BASE, REGISTRAR, STUDY, Http, observation, rule, serving

CLIENT = "statistics"
ROLE = "statistician: {scopes: [system/*.rs]}"
JSON = {"Content-Type": "application/fhir+json"}
PLANTED = "Zachariah-Quimbleton"


def overlay(folder: Path, policy: str) -> Path:
    """Assets with the demo study, in which statisticians are given de-identified data."""
    study = folder / "profiles" / "studies" / STUDY
    shutil.copytree(Path(str(asset_root("profiles"))) / "studies" / STUDY, study)
    file = study / "study.yaml"
    text = file.read_text("utf-8")
    assert ROLE in text
    groups = "{analysis-set: real-id, tiny: few-id, gone: no-id, hidden: hidden-id}"
    role = f"statistician: {{scopes: [system/*.rs], deidentify: {policy}, groups: {groups}}}"
    file.write_text(text.replace(ROLE, role), "utf-8")
    return folder


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    assets = overlay(tmp_path_factory.mktemp("overlay"), "safe-harbor")
    with serving(tmp_path_factory.mktemp("deidentified"), asset_dirs=(assets,)) as served:
        person = served.participant("all").patient
        for day in range(1, 20):
            planted = observation(f"t-{day}", person, day) | {"note": [{"text": PLANTED}]}
            assert served.put(planted).status_code == 201
        yield served


def by_command(http: Http, folder: Path, *types: str) -> dict[str, bytes]:
    """What `gateway export` writes for the role."""
    gateway = http.gateway
    study = gateway.studies[STUDY]
    door = gateway.access.door(study.principal(study.clients[CLIENT]), deidentifies=True)
    policy = load_policy(shipped_policies(asset_roots("profiles"))["safe-harbor"])
    today: date = gateway.clock().date()
    deidentifier = Deidentifier(policy, study_key(gateway.settings.keys, STUDY), today)
    export(door, folder, types, gateway.clock(), deidentifier=deidentifier)
    return {kind: (folder / f"{kind}.ndjson").read_bytes() for kind in types}


def test_files_hold_what_the_policy_lets_go(http: Http, tmp_path: Path) -> None:
    types = ("Consent", "Observation", "Patient", "ResearchSubject")
    files = exported(http, f"/$export?_type={','.join(types)}", CLIENT)
    commanded = by_command(http, tmp_path, *types)
    for kind in types:
        assert sorted(files[kind].splitlines()) == sorted(commanded[kind].splitlines())
    person = http.participant("all").patient
    everything = b"".join(files.values())
    assert PLANTED.encode() not in everything
    assert person.encode() not in everything
    hashed = {json.loads(line)["id"] for line in files["Patient"].splitlines()}
    assert {json.loads(line)["subject"]["reference"] for line in files["Observation"].splitlines()} <= {
        f"Patient/{one}" for one in hashed
    }
    assert PLANTED.encode() in exported(http, "/$export?_type=Observation", "data-manager")["Observation"]


def test_compressed_files_are_no_other(http: Http) -> None:
    started = kick_off(http, "/$export?_type=Observation", CLIENT)
    manifest = finished(http, started, CLIENT).json()
    (plain,) = download(http, manifest, CLIENT).values()
    headers = {"Accept-Encoding": "gzip"}
    url = place(http, manifest["output"][0]["url"])
    packed = http.ask("GET", url, CLIENT, headers=headers)
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain  # the client unpacks
    end(http, started, CLIENT)


@pytest.mark.parametrize("organized", ["", "&organizeOutputBy=Patient", "&_since=2020-01-01T00:00:00Z"])
def test_no_way_of_an_export_tells_who_somebody_is(http: Http, organized: str) -> None:
    started = kick_off(http, f"/$export?_type=Observation,Patient{organized}", CLIENT)
    answer = finished(http, started, CLIENT)
    manifest = answer.json()
    urls = [place(http, entry["url"]) for entry in (*manifest["output"], *manifest["deleted"])]
    told = b"".join([answer.content, *(http.ask("GET", url, CLIENT).content for url in urls)])
    assert told.count(b"\n") > 19
    for person in http.gateway.studies[STUDY].participants:
        assert person.patient.encode() not in told
    assert PLANTED.encode() not in told
    end(http, started, CLIENT)


@pytest.mark.parametrize(
    "path",
    [
        "/Observation",
        "/Observation/t-1",
        "/Observation/t-1/_history",
        "/Observation/t-1/_history/1",
        "/Observation?_summary=count",
        "/Patient?_has:Observation:subject:code=8867-4",
        "/_history",
        "/AuditEvent",
        "/Consent",
        "/Observation/$lastn",
        "/Patient/PERSON/$everything",
        "/Patient/PERSON/Observation",
        "/Patient/PERSON/$disclosures",
        "/Observation/$viewdefinition-run?_format=json",
    ],
)
def test_nothing_else_is_shown(http: Http, path: str) -> None:
    answer = http.get(path.replace("PERSON", http.participant("all").patient), CLIENT)
    assert answer.status_code in (400, 403, 404, 405), answer.text
    assert "Observation/t-" not in answer.text
    assert PLANTED not in answer.text


@pytest.mark.parametrize("name", ["_typeFilter", "patient"])
def test_what_the_policy_takes_out_is_not_chosen_by(http: Http, name: str) -> None:
    person = http.participant("all").patient
    value = {"_typeFilter": "Patient?birthdate=ge1900-01-01", "patient": f"Patient/{person}"}[name]
    given = json.dumps({"resourceType": "Parameters", "parameter": [{"name": name, "valueString": value}]})
    answer = kick_off(http, "/Patient/$export", CLIENT, "POST", content=given.encode(), headers=JSON)
    assert (answer.status_code, rule(answer)) == (403, "export.filter-deidentified")
    assert exported(http, "/$export?_type=Patient", CLIENT)


def group(http: Http, identity: str, patients: list[str]) -> None:
    member = [{"entity": {"reference": f"Patient/{one}"}} for one in patients]
    made = {"resourceType": "Group", "id": identity, "type": "person", "actual": True, "member": member}
    assert http.put(made).status_code in (200, 201)


def test_a_group_that_the_study_names_is_exported(http: Http) -> None:
    known = [one for one in http.gateway.studies[STUDY].participants if not one.withdrawn]
    people = [one.patient for one in known if one.consent == "all"]
    group(http, "real-id", people[:5])
    group(http, "few-id", people[:4])
    group(http, "hidden-id", [*people[:5], http.participant("norte-research-only").patient])
    group(http, "unnamed", people[:5])
    found = exported(http, "/Group/analysis-set/$export?_type=Patient,Observation", CLIENT)
    everybody = exported(http, "/$export?_type=Patient,Observation", CLIENT)
    lines = set(found["Patient"].splitlines())
    assert len(lines) == 5 < len(everybody["Patient"].splitlines())
    assert lines < set(everybody["Patient"].splitlines())
    assert set(found["Observation"].splitlines()) == set(everybody["Observation"].splitlines())
    for told in (*found.values(), *everybody.values()):
        assert not any(word.encode() in told for word in (*people, PLANTED, "real-id"))


@pytest.mark.parametrize(
    ("name", "status", "why"),
    [
        ("real-id", 403, "export.deidentified-only"),
        ("unnamed", 403, "export.deidentified-only"),
        ("nowhere", 403, "export.deidentified-only"),
        ("tiny", 403, "export.group-small"),
        ("gone", 404, "auth.not-found"),
        ("hidden", 404, "auth.not-found"),
    ],
)
def test_no_other_group_is(http: Http, name: str, status: int, why: str) -> None:
    answer = kick_off(http, f"/Group/{name}/$export", CLIENT)
    assert (answer.status_code, rule(answer)) == (status, why)
    assert not any(one in answer.text for one in ("real-id", "few-id", "no-id", "hidden-id"))
    if name in ("gone", "hidden"):
        assert answer.content == kick_off(http, "/Group/gone/$export", CLIENT).content


def test_nobody_chooses_within_a_group(http: Http) -> None:
    given = [{"name": "patient", "valueString": f"Patient/{http.participant('all').patient}"}]
    content = json.dumps({"resourceType": "Parameters", "parameter": given}).encode()
    answer = kick_off(http, "/Group/analysis-set/$export", CLIENT, "POST", content=content, headers=JSON)
    assert (answer.status_code, rule(answer)) == (403, "export.filter-deidentified")


def test_it_is_told_why(http: Http) -> None:
    answer = http.get("/Observation/t-1", CLIENT)
    assert (answer.status_code, rule(answer)) == (403, "export.deidentified-only")
    assert http.get("/Observation/nobody", CLIENT).text == answer.text
    assert http.get("/metadata", CLIENT).status_code == 200


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_a_bundle_shows_nothing_either(http: Http, kind: str) -> None:
    asked = [
        {"request": {"method": "GET", "url": "Observation/t-1"}},
        {"request": {"method": "GET", "url": "Observation"}},
    ]
    content = dumps({"resourceType": "Bundle", "type": kind, "entry": asked})
    answer = http.ask("POST", BASE, CLIENT, content=content, headers=JSON)
    assert PLANTED not in answer.text
    assert "t-1" not in answer.text.replace("Observation/t-1", "") or answer.status_code >= 400
    if answer.status_code == 200:
        assert {entry["response"]["status"][:3] for entry in answer.json()["entry"]} == {"403"}


def test_readers_of_data_as_they_are_find_the_door_shut(http: Http) -> None:
    gateway = http.gateway
    study = gateway.studies[STUDY]
    door = gateway.access.door(study.principal(study.clients[CLIENT]))
    for read in (lambda: next(door.batches("Observation")), lambda: next(door.stream("Observation"))):
        with pytest.raises(Forbidden):
            read()


def test_who_withdraws_is_in_no_file_any_more(http: Http) -> None:
    started = kick_off(http, "/$export?_type=Patient", CLIENT)
    manifest: Any = finished(http, started, CLIENT).json()
    url = place(http, manifest["output"][0]["url"])
    before = http.ask("GET", url, CLIENT).content.splitlines()
    study = http.gateway.studies[STUDY]
    person = http.participant("wearables-only")
    consent = withdraw(study.consent_of(person), "no-further-use", "2026-06-01T00:00:00Z")
    http.gateway.access.door(study.principal(study.clients[REGISTRAR])).commit([consent])
    after = http.ask("GET", url, CLIENT).content.splitlines()
    assert set(after) < set(before)


def test_a_policy_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    assets = overlay(tmp_path / "overlay", "nowhere")
    with pytest.raises(Unprocessable, match=r"export\.policy-unknown"), serving(tmp_path, asset_dirs=(assets,)):
        pass
