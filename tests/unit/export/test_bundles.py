"""An export as Bundles holds what an export as NDJSON holds, and stands elsewhere whole or not at all."""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import pytest

from gateway.app import Gateway
from gateway.core.assets import asset_roots
from gateway.core.errors import BadRequest, Conflict, Forbidden, Unavailable
from gateway.core.models import to_model
from gateway.export import Bundles, Manifest, export, upload
from gateway.export.bundles import Form
from gateway.export.deidentify import Deidentifier, load_policy, shipped_policies
from gateway.export.deidentify.keys import StudyKey
from gateway.study import Study
from tests.unit.export.test_ndjson import TYPES, door

BASE = "https://gateway.test/studies/hf-dct-01/fhir"
MANY = ("Consent", "Observation", "Organization", "Patient", "ResearchSubject")


def written(gateway: Gateway, study: Study, folder: Path, form: Form, *types: str, **more: Any) -> Manifest:
    made = Bundles(
        door(gateway, study, more.pop("client", "data-manager")),
        gateway.engines.parameters,
        BASE,
        gateway.clock(),
        **more,
    )
    return made.export(folder, types, form)


def resources(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.bundle.json")):
        for entry in json.loads(path.read_bytes()).get("entry", ()):
            yield entry["resource"]


@pytest.mark.parametrize("form", ["collection", "searchset"])
def test_a_bundle_of_a_type_holds_what_its_lines_hold(
    filled: Gateway, study: Study, tmp_path: Path, form: Form
) -> None:
    manifest = written(filled, study, tmp_path / "b", form, *MANY)
    export(door(filled, study, "data-manager"), tmp_path / "n", MANY, filled.clock())
    for path in (tmp_path / "n").glob("*.ndjson"):
        bundle = json.loads((tmp_path / "b" / f"{path.stem}.bundle.json").read_bytes())
        assert to_model(bundle)
        assert [entry["resource"] for entry in bundle["entry"]] == [
            json.loads(line) for line in path.read_bytes().splitlines()
        ]
        assert bundle["type"] == form
        assert bundle.get("total") == (len(bundle["entry"]) if form == "searchset" else None)
        assert all(
            entry.get("search") == ({"mode": "match"} if form == "searchset" else None) for entry in bundle["entry"]
        )
        assert {entry["fullUrl"] for entry in bundle["entry"]} == {
            f"{BASE}/{path.stem}/{entry['resource']['id']}" for entry in bundle["entry"]
        }
    for output in manifest.outputs:
        assert hashlib.sha256((tmp_path / "b" / output.name).read_bytes()).hexdigest() == output.sha256
    assert {path.name for path in (tmp_path / "b").iterdir()} == {
        "manifest.json",
        *(output.name for output in manifest.outputs),
    }


def test_one_bundle_for_each_participant(filled: Gateway, study: Study, tmp_path: Path) -> None:
    manifest = written(filled, study, tmp_path, "participants", *MANY)
    patients = []
    for output in manifest.outputs:
        bundle = json.loads((tmp_path / output.name).read_bytes())
        first, *rest = [entry["resource"] for entry in bundle["entry"]]
        assert first["resourceType"] == "Patient"
        owners = {(one.get("subject") or one.get("patient") or one.get("individual"))["reference"] for one in rest}
        assert owners == {f"Patient/{first['id']}"}
        assert first["id"] not in output.name
        patients.append(first["id"])
    gone = {person.patient for person in study.participants if person.withdrawn}
    assert len(set(patients)) == len(patients) == len(manifest.outputs) > 3
    assert not gone & set(patients)
    with pytest.raises(Forbidden):
        written(filled, study, tmp_path / "x", "participants", "Observation", client="research")


def test_an_export_in_another_form_replaces_the_one_before(filled: Gateway, study: Study, tmp_path: Path) -> None:
    for form in ("participants", "collection", "searchset"):
        manifest = written(filled, study, tmp_path, form, "Patient")
        assert {path.name for path in tmp_path.iterdir()} == {
            "manifest.json",
            *(output.name for output in manifest.outputs),
        }
    export(door(filled, study, "research"), tmp_path, TYPES, filled.clock())
    assert not list(tmp_path.glob("*.bundle.json"))
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(Conflict):
        written(filled, study, tmp_path, "collection", "Patient")
    assert (tmp_path / "Observation.ndjson").exists()


def test_nobody_is_named_in_de_identified_bundles(filled: Gateway, study: Study, tmp_path: Path) -> None:
    policy = load_policy(shipped_policies(asset_roots("profiles", ()))["research-pseudonymised"])
    deidentifier = Deidentifier(policy, StudyKey(study.id, b"k" * 32), filled.clock().date())
    for form in ("collection", "participants"):
        manifest = written(filled, study, tmp_path, form, *MANY, deidentifier=deidentifier)
        assert manifest.tree["deidentification"] == policy.name
        told = b"".join(path.read_bytes() for path in tmp_path.iterdir()) + repr(list(tmp_path.iterdir())).encode()
        assert not [person.id for person in study.participants if person.patient.encode() in told]
        assert list(resources(tmp_path))


@pytest.fixture
def local(filled: Gateway, study: Study, tmp_path: Path) -> Path:
    export(door(filled, study, "data-manager"), tmp_path / "local", MANY, filled.clock())
    return tmp_path / "local"


def names(place: str) -> set[str]:
    system, root = fsspec.core.url_to_fs(place)
    return {path.rsplit("/", 1)[-1] for path in system.ls(root, detail=False)} if system.exists(root) else set()


@pytest.fixture(params=["memory", "file"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"memory://{uuid4().hex}/study" if request.param == "memory" else f"file://{tmp_path}/far/study"


def test_an_export_stands_elsewhere_as_it_stands_here(filled: Gateway, study: Study, local: Path, place: str) -> None:
    seen: list[str] = []
    upload(local, place, seen.append)
    assert names(place) == {path.name for path in local.iterdir()}
    for path in local.iterdir():
        with fsspec.open(f"{place}/{path.name}") as file:
            assert file.read() == path.read_bytes()
    assert len(seen) == len(names(place)) - 1
    written(filled, study, local, "collection", "Patient")
    upload(local, place)
    assert names(place) == {"Patient.bundle.json", "manifest.json"}


def test_other_peoples_files_are_left_alone(local: Path, place: str) -> None:
    with fsspec.open(f"{place}/thesis.txt", "wb", auto_mkdir=True) as file:
        file.write(b"mine")
    with pytest.raises(Conflict):
        upload(local, place)
    assert names(place) == {"thesis.txt"}
    with fsspec.open(f"{place}/manifest.json", "wb") as file:
        file.write(b"[]")
    with pytest.raises(Conflict):
        upload(local, place)


@pytest.mark.parametrize("works", range(1, 5))
def test_a_copy_that_breaks_off_has_no_manifest(
    local: Path, place: str, works: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(local, place)
    system, _ = fsspec.core.url_to_fs(place)
    kept, done = type(system).put_file, iter(range(100))

    def put(self: Any, *args: Any, **options: Any) -> None:
        if next(done) == works:
            raise OSError("no room")
        kept(self, *args, **options)

    monkeypatch.setattr(type(system), "put_file", put)
    with pytest.raises(Unavailable):
        upload(local, place)
    assert "manifest.json" not in names(place)
    assert not [name for name in names(place) if name.endswith(".part")]
    monkeypatch.undo()
    upload(local, place)
    assert names(place) == {path.name for path in local.iterdir()}


def test_what_cannot_be_reached_is_told(local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("nonsense://x/y", "memory://", "sftp://me:secret@host/folder", "memory://key@x/y"):
        with pytest.raises(BadRequest) as error:
            upload(local, wrong)
        assert error.value.issues[0].rule == "export.remote-address"
    monkeypatch.setitem(sys.modules, "s3fs", None)
    fsspec.registry._registry.pop("s3", None) if hasattr(fsspec.registry, "_registry") else None
    with pytest.raises(BadRequest) as error:
        upload(local, "s3://bucket/folder")
    assert error.value.issues[0].rule == "export.remote-extra"
    assert "s3fs" in str(error.value.issues[0].hint)
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(BadRequest) as error:
        upload(local, "memory://x/y")
    assert error.value.issues[0].rule == "export.remote-extra"
