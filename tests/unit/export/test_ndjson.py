"""An export holds what its reader may take along, whole or not at all, and nobody who withdrew since."""

import hashlib
import json
from pathlib import Path

import pytest

from gateway.access import Door
from gateway.app import Gateway
from gateway.core.errors import Conflict, Forbidden
from gateway.export import Manifest, export
from gateway.study import Study, withdraw

TYPES = ("Observation", "DiagnosticReport", "QuestionnaireResponse")


def door(gateway: Gateway, study: Study, client: str) -> Door:
    return gateway.access.door(study.principal(study.clients[client]))


def run(gateway: Gateway, study: Study, client: str, folder: Path) -> Manifest:
    return export(door(gateway, study, client), folder, TYPES, gateway.clock())


def subjects(folder: Path) -> set[str]:
    lines = (folder / "Observation.ndjson").read_text("utf-8").splitlines()
    return {json.loads(line)["subject"]["reference"].removeprefix("Patient/") for line in lines}


def test_the_files_are_what_the_manifest_says(filled: Gateway, study: Study, tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []
    manifest = export(
        door(filled, study, "research"), tmp_path, TYPES, filled.clock(), lambda *told: seen.append(told)
    )
    assert {path.name for path in tmp_path.iterdir()} == {"manifest.json", "Observation.ndjson"}
    assert json.loads((tmp_path / "manifest.json").read_text("utf-8")) == json.loads(json.dumps(manifest.tree))
    (output,) = manifest.outputs
    body = (tmp_path / output.name).read_bytes()
    assert hashlib.sha256(body).hexdigest() == output.sha256
    assert len(body.splitlines()) == output.count
    assert ("Observation", output.count) in seen
    assert (tmp_path / output.name).stat().st_mode & 0o077 == 0


def test_consent_decides_who_is_in_it(filled: Gateway, study: Study, tmp_path: Path) -> None:
    run(filled, study, "research", tmp_path / "all")
    run(filled, study, "norte-research", tmp_path / "norte")
    only_norte = {person.patient for person in study.participants if person.consent == "norte-research-only"}
    gone = {person.patient for person in study.participants if person.withdrawn}
    everyone = {person.patient for person in study.participants}
    assert subjects(tmp_path / "norte") == everyone - gone
    assert subjects(tmp_path / "all") == everyone - gone - only_norte


def test_a_new_export_replaces_an_old_one(filled: Gateway, study: Study, tmp_path: Path) -> None:
    person = next(person for person in study.participants if person.id == "301-003")
    registrar = door(filled, study, "registrar")
    run(filled, study, "research", tmp_path)
    assert person.patient in subjects(tmp_path)
    registrar.commit([withdraw(study.consent_of(person), "no-further-use", "2026-06-01T00:00:00Z")])
    run(filled, study, "research", tmp_path)
    assert person.patient not in subjects(tmp_path)
    (tmp_path / "Specimen.ndjson.part").write_bytes(b"left by a killed run")
    export(door(filled, study, "research"), tmp_path, ["DiagnosticReport"], filled.clock())
    assert {path.name for path in tmp_path.iterdir()} == {"manifest.json"}


def test_a_folder_with_other_things_is_left_alone(filled: Gateway, study: Study, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", "utf-8")
    with pytest.raises(Conflict):
        run(filled, study, "research", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_export_that_breaks_off_leaves_no_manifest_over_files_of_two(
    filled: Gateway, study: Study, tmp_path: Path
) -> None:
    run(filled, study, "research", tmp_path)

    def gone(kind: str, count: int) -> None:
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        export(door(filled, study, "research"), tmp_path, TYPES, filled.clock(), gone)
    assert not (tmp_path / "manifest.json").exists()
    run(filled, study, "research", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"manifest.json", "Observation.ndjson"}


def test_a_type_beyond_the_scopes_is_refused(filled: Gateway, study: Study, tmp_path: Path) -> None:
    with pytest.raises(Forbidden):
        export(door(filled, study, "research"), tmp_path, ["Patient"], filled.clock())
    assert not list(tmp_path.glob("Patient*"))
