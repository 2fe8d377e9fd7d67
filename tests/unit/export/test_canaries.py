"""Safe Harbor: what is planted for the eighteen identifiers, in every element of every type, is in no output."""

import base64
import gzip
from datetime import date

import pytest

from gateway.core import dumps
from gateway.core.assets import asset_roots
from gateway.definitions import r4
from gateway.export import Bundles, export
from gateway.export.deidentify import Deidentifier, StudyKey, load_policy, shipped_policies
from gateway.export.views import compile_view, read_view, run_view, write_table
from gateway.fhirpath import R4
from gateway.search import Parameters
from tests.unit.export.canaries import CANARIES, PACKINGS, STORED, Planting, everything_in, seen_in

STUDY = "hf-dct-01"
POLICY = load_policy(shipped_policies(asset_roots("profiles"))["safe-harbor"])
KINDS = sorted(kind for kind in r4().types() if R4.is_resource(kind))
FORMS = ("collection", "searchset", "participants")


def deidentifier():
    return Deidentifier(POLICY, StudyKey(STUDY, b"k" * 32), date(2026, 6, 1))


@pytest.mark.parametrize("pack", PACKINGS)
def test_what_is_planted_is_seen_however_it_is_packed(pack):
    for name, canary in CANARIES.items():
        data = b'{"data":"' + base64.b64encode(pack(canary.encode())) + b'"}'
        assert name in seen_in(data)
        assert name in seen_in(gzip.compress(data))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_planted_leaves_a_resource(kind):
    found = deidentifier()
    for depth, count in ((0, 1), (1, 2), (2, 3)):
        for number in range(count):
            body = dumps(Planting(number).resource(kind, depth))
            assert any(canary.encode() in body for canary in CANARIES.values())
            assert seen_in(found.apply_body(body)) == set(), body


def test_nothing_planted_leaves_by_ndjson_or_bundles(planted, tmp_path):
    gateway, door = planted
    export(door, tmp_path / "plain", STORED, gateway.clock())
    assert seen_in((tmp_path / "plain" / "Patient.ndjson").read_bytes()) == set(CANARIES)
    manifest = export(door, tmp_path / "ndjson", STORED, gateway.clock(), deidentifier=deidentifier())
    assert {one.type for one in manifest.outputs} == set(STORED)
    bundles = Bundles(door, Parameters(r4()), "http://example.org/fhir", gateway.clock(), deidentifier=deidentifier())
    for form in FORMS:
        bundles.export(tmp_path / form, STORED, form)
    written = [path for folder in ("ndjson", *FORMS) for path in (tmp_path / folder).iterdir()]
    assert len(written) > 3 * len(STORED)
    for path in written:
        assert seen_in(path.read_bytes() + path.name.encode()) == set(), path


def view_of(kind):
    """Every element of a type as a column, as far as it is text."""
    branches = [branch for branch in R4.branches(kind).values() if not branch.is_twin and not branch.is_resource]
    columns = [{"name": "key", "path": "getResourceKey()"}]
    for name in dict.fromkeys(branch.name for branch in branches):
        found = [branch for branch in branches if branch.name == name]
        if all(branch.is_primitive for branch in found) and name != "resourceType":
            columns.append({"name": f"c_{name}", "path": f"{name}.first().toString()"})
    texts = (
        "name.family",
        "text.div",
        "identifier.value",
        "subject.reference",
        "code.text",
        "content.attachment.data",
    )
    known = {branch.name for branch in branches}
    columns += [
        {"name": path.replace(".", "_"), "path": f"{path}.first().toString()"}
        for path in texts
        if path.partition(".")[0] in known and R4.knows(f"{kind}.{path}")
    ]
    return compile_view(
        read_view({"resource": kind, "name": "everything", "status": "active", "select": [{"column": columns}]})
    )


@pytest.mark.parametrize("ending", ["ndjson", "csv", "parquet", "duckdb"])
@pytest.mark.parametrize("kind", ["Patient", "Observation", "DocumentReference", "DiagnosticReport"])
def test_nothing_planted_leaves_by_tables(planted, tmp_path, kind, ending):
    _, door = planted
    view = view_of(kind)
    plain, private = tmp_path / f"plain.{ending}", tmp_path / f"private.{ending}"
    assert write_table(view, run_view(view, door), plain) >= 12
    assert seen_in(everything_in(plain))
    assert write_table(view, run_view(view, door, deidentifier=deidentifier()), private) >= 12
    assert seen_in(everything_in(private)) == set()
