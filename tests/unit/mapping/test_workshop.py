"""The commands that help to write mappings: new, diff, coverage, docs."""

import csv
import json
import re
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from typer.testing import CliRunner

from gateway.cli._map.specifying import as_csv, as_html
from gateway.cli.map import app
from gateway.core.assets import asset_root
from gateway.core.yaml import load
from gateway.formats import Decoded, decode, json_pointer
from gateway.mapping.explaining.explain import steps_at
from gateway.mapping.language.scaffold import inferred_schema
from gateway.mapping.registry import find_folders
from gateway.mapping.tools.account import Path as Leaf
from gateway.mapping.tools.account import paths_read, rows
from gateway.mapping.tools.compare import changes
from gateway.mapping.tools.dictionary import dictionary
from gateway.mapping.tools.unread import unread as unread_in
from tests.mapping_runs import registry, shipped
from tests.unit.mapping.files import HEAD, POINT, compiled, emit, facts

PAYLOAD = {"points": [{"at": "2026-01-01T00:00:00Z", "bpm": 60, "extra": {"a": "x"}}]}


def _unread(tree: Any, read: frozenset[Leaf]) -> list[Leaf]:
    return list(unread_in(Decoded(tree, json_pointer), read, "json"))


def test_a_new_mapping_compiles_and_keeps_nothing_of_the_sample(tmp_path: Path) -> None:
    sample = tmp_path / "sample.json"
    sample.write_text(json.dumps(PAYLOAD), "utf-8")
    arguments = ["new", "acme", "pulse", "--sample", str(sample), "--into", str(tmp_path / "made")]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    folder = tmp_path / "made" / "acme" / "pulse"
    linted = CliRunner().invoke(app, ["lint", str(folder)])
    assert (linted.exit_code, "0 findings" in linted.output) == (0, True)
    assert "2026-01-01" not in folder.joinpath("mapping.yaml").read_text() + folder.joinpath(
        "payload.schema.json"
    ).read_text("utf-8")
    assert CliRunner().invoke(app, arguments).exit_code == 2


ODD_NAMES = ["div", "and", "true", "$this", "it's", "a`b", "a\\b", "new\nline", "", "é", "a.b", "\x1b[31m", "when"]


@pytest.mark.parametrize(
    ("name", "text", "options", "records", "made"),
    [
        ("odd names", json.dumps({"in": [dict.fromkeys(ODD_NAMES, 1)]}), [], "=in", 1),
        ("a list", json.dumps([{"at": "x", "bpm": 1}]), [], "=%payload", 1),
        ("one record", json.dumps({"at": "x", "parts": []}), [], None, 1),
        ("semicolons", "Person;Wert\nS-1;1,5\n", ["--format", "csv", "--option", "delimiter=;"], "=rows", 1),
        ("a title", "Export\na,b\n1,2\n", ["--format", "csv", "--option", "header_row=2"], "=rows", 1),
        (
            "lists of one",
            "<R><D n='1'/><S><T n='1'><V u='l'>2</V></T><T n='2'/></S></R>",
            ["--format", "xml"],
            "=R.S.T",
            2,
        ),
        (
            "a message",
            "MSH|^~\\&|A|B|||20260101||ORU^R01|1|P|2.5.1\rPID|1||X\rOBR|1\rOBX|1|NM|a^b||5\rOBX|2|NM|c^d||6\r",
            ["--format", "hl7v2"],
            "=PATIENT_RESULT.ORDER_OBSERVATION.OBSERVATION",
            2,
        ),
    ],
)
def test_a_draft_of_any_payload_compiles_and_reads_it(
    name: str, text: str, options: list[str], records: str | None, made: int, tmp_path: Path
) -> None:
    sample, folder = tmp_path / "sample", tmp_path / "made/acme/pulse"
    sample.write_text(text, "utf-8")
    arguments = ["new", "acme", "pulse", "--sample", str(sample), "--into", str(tmp_path / "made"), *options]
    assert CliRunner().invoke(app, arguments).exit_code == 0, name
    assert load(folder.joinpath("mapping.yaml").read_text("utf-8")).tree["source"].get("records") == records
    assert "0 findings" in CliRunner().invoke(app, ["lint", str(folder)]).output
    facts = tmp_path / "facts.yaml"
    facts.write_text("envelope: {vendorUserId: u1}\n")
    ran = CliRunner().invoke(app, ["run", str(folder / "mapping.yaml"), str(sample), "--facts", str(facts)])
    assert (ran.exit_code, ran.stdout.count('"resourceType":"Observation"')) == (0, made), ran.output


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (b"envelope: x", "envelope is not of type object"),
        (b"subject: p1", "subject is not of type null or object"),
        (b"subject: {id: 5}", "subject.id is not of type string"),
        (b"study: [a]", "study is not of type object"),
        (b"zone: UTC", "zone an unknown name is there"),
        (b"[]", "the file is not of type object"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a: [", "line 2"),
    ],
    ids=str,
)
def test_facts_of_a_wrong_form_are_told(facts: bytes, told: str, tmp_path: Path) -> None:
    tmp_path.joinpath("facts.yaml").write_bytes(facts)
    payload = tmp_path / "payload.json"
    payload.write_text(json.dumps(PAYLOAD))
    arguments = ["run", "withings/measures", str(payload), "--facts", str(tmp_path / "facts.yaml")]
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert (done.exit_code, told in done.output) == (2, True), done.output


def test_a_folder_of_specifications_keeps_folders_apart(tmp_path: Path) -> None:
    root = tmp_path / "mappings"
    for number, name in enumerate(("weight-1.1", "weight-1.2", "x&y #")):
        folder = root / "acme" / name
        folder.mkdir(parents=True)
        folder.joinpath("mapping.yaml").write_text((HEAD + POINT).replace("test.points", f"test.points{number}"))
    names = [str(path) for path in sorted(root.glob("acme/*"))]
    assert CliRunner().invoke(app, ["docs", *names, "--out", str(tmp_path / "out")]).exit_code == 0
    index = tmp_path.joinpath("out/index.html").read_text()
    links = re.findall(r'href="([^"]*)"', index)
    assert len(set(links)) == 3
    assert all(tmp_path.joinpath("out", unquote(link)).is_file() for link in links)


def test_the_inferred_schema_has_names_and_types() -> None:
    schema = inferred_schema({"a": [{"b": 1}, {"b": None, "c": "x"}]})
    assert schema["properties"]["a"]["items"]["properties"] == {
        "b": {"type": ["integer", "null"]},
        "c": {"type": "string"},
    }


def test_a_name_that_cannot_be_part_of_an_id_makes_no_folder(tmp_path: Path) -> None:
    sample = tmp_path / "sample.json"
    sample.write_text(json.dumps(PAYLOAD), "utf-8")
    for vendor, data_type in (("../acme", "pulse"), ("Acme", "pulse"), ("acme", "pulse: x"), ("acme", "")):
        told = CliRunner().invoke(
            app, ["new", vendor, data_type, "--sample", str(sample), "--into", str(tmp_path / "in")]
        )
        assert told.exit_code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sample.json"]


def test_the_schema_of_several_payloads_is_told_without_their_values(tmp_path: Path) -> None:
    for name, tree in (("a.json", PAYLOAD), ("b.json", {"points": None, "next": "secret"})):
        tmp_path.joinpath(name).write_text(json.dumps(tree), "utf-8")
    told = CliRunner().invoke(app, ["schema", str(tmp_path / "a.json"), str(tmp_path / "b.json")])
    schema = json.loads(told.stdout)
    assert (told.exit_code, schema["properties"]["next"]) == (0, {"type": "string"})
    assert schema["properties"]["points"]["type"] == ["array", "null"]
    assert "secret" not in told.stdout
    assert CliRunner().invoke(app, ["schema", str(tmp_path / "a.json"), "--format", "nope"]).exit_code == 2


def test_a_payload_of_something_else_is_refused_as_ingest_does(tmp_path: Path) -> None:
    tmp_path.joinpath("other.json").write_text('{"a": 1}', "utf-8")
    for command in (["run"], ["explain"]):
        path = [] if command == ["run"] else ["Observation.value"]
        told = CliRunner().invoke(app, [*command, "withings/measures", str(tmp_path / "other.json"), *path])
        assert (told.exit_code != 0, "mapping.no-match" in str(told.exception or told.output)) == (True, True)


def test_what_is_never_read_is_told(tmp_path: Path) -> None:
    read = paths_read(compiled(tmp_path, HEAD + POINT).plan)
    unread = _unread(PAYLOAD, read)
    assert unread == [("points", "extra", "a")]


def test_a_field_of_a_message_is_told_once_however_its_tree_tells_it() -> None:
    message = b"MSH|^~\\&|A|B|||20260101||ORU^R01|1|P|2.5.1\rPID|1||X^^^H\rOBR|1\rOBX|1|NM|a^b^L||5\r"
    decoded = decode(message, "hl7v2")
    order = ("PATIENT_RESULT", "ORDER_OBSERVATION")
    read = {(*order, "OBSERVATION", "OBX", name) for name in ("f3_1", "f3_2", "f5")}
    read.add((*order, "PATIENT", "PID", "f3_1"))
    unread = unread_in(decoded, frozenset(read), "hl7v2")
    assert len(unread) == len(set(unread))
    assert [".".join(path[-2:]) for path in unread if "MSH" not in path] == [
        "PID.f1",
        "PID.f3_4",
        "OBR.f1",
        "OBX.f1",
        "OBX.f2",
        "OBX.f3_3",
    ]


def test_coverage_reads_examples_as_those_of_their_participants() -> None:
    done = CliRunner().invoke(app, ["coverage", "central-lab/results-csv", "--json"])
    assert (done.exit_code, json.loads(done.stdout)["never_fired"]) == (0, [])


def test_records_at_another_place_are_read_too(tmp_path: Path) -> None:
    text = (HEAD + POINT).replace("records: =points", 'records: "=coalesce(points, %payload)"')
    assert text != HEAD + POINT
    read = paths_read(compiled(tmp_path, text).plan)
    assert _unread(PAYLOAD["points"], read) == [("extra", "a")]


def test_the_specification_names_elements_and_fields(tmp_path: Path) -> None:
    found = {row.element: row for row in rows(compiled(tmp_path, HEAD + POINT).plan)}
    row = found["Observation.valueQuantity.value"]
    assert (row.expression, row.paths) == ("=bpm", ("points.bpm",))
    assert found["Observation.status"].expression == '"final"'


def test_changes_are_told_element_by_element() -> None:
    old = {"resourceType": "Basic", "id": "a", "code": {"text": "x"}, "author": [1]}
    new = {"resourceType": "Basic", "id": "a", "code": {"text": "y"}, "author": [1, 2]}
    told = [(one.path, one.old, one.new) for one in changes([old], [new])]
    assert told == [("Basic/a.code.text", "x", "y"), ("Basic/a.author[1]", None, 2)]
    assert [one.path for one in changes([old], [])] == ["Basic/a"]


def test_a_mapping_compared_with_itself_changes_nothing(tmp_path: Path) -> None:
    folder = Path(str(asset_root("mappings"))) / "withings" / "measures"
    same = CliRunner().invoke(app, ["diff", str(folder), str(folder), "--corpus", str(folder / "examples")])
    assert (same.exit_code, same.stdout.splitlines()[-1].partition(",")[0]) == (0, "0 changes")
    nothing = CliRunner().invoke(app, ["diff", str(folder), str(folder), "--corpus", str(tmp_path)])
    assert (nothing.exit_code, "nothing was compared" in nothing.output) == (2, True)


ENTRIES = {
    "named": ("=points", "=entries().where(key in ('a' | 'b') and value.exists())", {"points.c", "points.inner.x"}),
    "bare array": ("=%payload", "=entries().where(key in ('a' | 'b') and value.exists())", {"c", "inner.x"}),
    "one name": ("=points", "=entries().where(key = 'inner')", {"points.a", "points.b", "points.c"}),
    "any name": ("=points", "=entries().where(value.exists())", set()),
    "by a function": ("=points", "=entries().where(key.startsWith('a'))", set()),
    "below": ("=points", "=inner.entries()", {"points.a", "points.b", "points.c"}),
    "asked for": (
        "=points",
        "=points.where(entries().exists())",
        {"points.a", "points.b", "points.c", "points.inner.x"},
    ),
    "names alone": ("=points", "=entries().key", {"points.a", "points.b", "points.c", "points.inner.x"}),
}


@pytest.mark.parametrize(("records", "foreach", "unread"), ENTRIES.values(), ids=ENTRIES)
def test_fields_that_entries_takes_are_read(records: str, foreach: str, unread: set[str], tmp_path: Path) -> None:
    head = HEAD.replace("records: =points", f'match: "=points.empty() or points.exists()", records: "{records}"')
    text = f"""emit: [{{id: p, foreach: "{foreach}", key: [=id], resource: {{resourceType: Device,
      note: [{{text: =value.x}}]}}}}]"""
    point = {"id": "i", "a": 1, "b": 2, "c": 3, "inner": {"x": 4}}
    tree: Any = [point] if records == "=%payload" else {"points": [point]}
    read = paths_read(compiled(tmp_path, head + text).plan)
    found = {".".join(leaf) for leaf in _unread(tree, read)}
    assert {leaf for leaf in found if not leaf.endswith("id")} == unread


def test_records_may_be_the_entries_of_an_object(tmp_path: Path) -> None:
    text = HEAD.replace("=points", '"=points.entries()"') + POINT.replace("=bpm", "=value.bpm")
    read = paths_read(compiled(tmp_path, text).plan)
    tree = {"points": {"10": {"bpm": 60, "other": 1}, "20": {"bpm": 61}}}
    assert _unread(tree, read) == [("points", "10", "other")]


def test_coverage_and_docs_of_a_shipped_mapping() -> None:
    covered = CliRunner().invoke(app, ["coverage", "withings/measures", "--json"])
    assert covered.exit_code == 0
    assert set(json.loads(covered.stdout)) == {"payloads", "unread", "never_fired"}
    page = CliRunner().invoke(app, ["docs", "withings/measures", "--html"])
    assert "<td>body.measuregrps" in page.stdout
    table = CliRunner().invoke(app, ["docs", "withings/measures"])
    assert table.stdout.startswith("Emit,Element,Rule")


def test_the_data_dictionary_has_codes_units_profiles_and_fields(tmp_path: Path) -> None:
    (entry,) = dictionary(compiled(tmp_path, HEAD + POINT).plan)
    assert (entry.type, entry.code, entry.units) == ("Observation", ("http://loinc.org|55423-8",), ("/min",))
    assert (entry.fields, entry.profiles) == (("points.at", "points.bpm"), ())
    choice = "value[x]: [{when: =v = 1, Quantity: {value: =v, system: 'http://unitsofmeasure.org', code: g}}]"
    parts = "component: [{code: {coding: [{system: 'urn:a', code: b, display: B}]}, valueInteger: =n}]"
    profile = "meta: {profile: ['urn:p']}"
    (entry,) = dictionary(compiled(tmp_path, emit(f"{choice}\n{parts}\n{profile}")).plan)
    assert (entry.units, entry.parts, entry.profiles) == (("g",), ("urn:a|b B",), ("urn:p",))


def test_mappings_have_pages_and_an_index_of_the_data_dictionary(tmp_path: Path) -> None:
    names = ("google-health/heart-rate", "central-lab/results-csv", "withings/measures")
    done = CliRunner().invoke(app, ["docs", *names, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    index = tmp_path.joinpath("index.html").read_text("utf-8")
    for name in names:
        mapping, _ = shipped()[name]
        assert mapping is not None
        assert f'<a href="{name}.html">' in index
        assert tmp_path.joinpath(f"{name}.html").read_bytes() == f"{as_html(mapping)}\n".encode()
        assert tmp_path.joinpath(f"{name}.csv").read_bytes() == f"{as_csv(mapping)}\n".encode()
    assert "<td>http://loinc.org|8867-4 Heart rate</td>" in index
    assert "http://hl7.org/fhir/StructureDefinition/heartrate" in index


def test_every_shipped_mapping_has_a_page_of_the_data_dictionary() -> None:
    for mapping in registry().all():
        assert "<h2>Data dictionary</h2>" in as_html(mapping)
        assert len(list(csv.reader(StringIO(as_csv(mapping))))) > 3, mapping.id


def test_a_specification_runs_nothing(tmp_path: Path) -> None:
    text = (HEAD + POINT).replace("code: 55423-8", "code: '=HYPERLINK(1)'".replace("=", "==")).replace(
        "points for the tests", "<script>alert(1)</script>")  # fmt: skip
    compiled(tmp_path, text)
    table = CliRunner().invoke(app, ["docs", str(tmp_path)]).stdout
    assert not any(cell[:1] in ("=", "+", "-", "@") for row in csv.reader(StringIO(table)) for cell in row)
    assert "<script>" not in CliRunner().invoke(app, ["docs", str(tmp_path), "--html"]).stdout


def test_examples_are_written_and_compared(tmp_path: Path) -> None:
    case = tmp_path / "examples" / "one-point"
    case.mkdir(parents=True)
    case.joinpath("payload.json").write_text('{"points": [{"at": "2026-01-01", "bpm": 4.060}]}', "utf-8")
    case.joinpath("envelope.json").write_text('{"user": "x-101-001"}', "utf-8")
    compiled(tmp_path, HEAD + POINT)
    assert CliRunner().invoke(app, ["test", str(tmp_path)]).exit_code == 1
    done = CliRunner().invoke(app, ["test", str(tmp_path), "--update"])
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "1/1 tests passed"), done.output
    assert "4.060" in case.joinpath("expected.json").read_text("utf-8")
    assert not case.joinpath("issues.json").exists()
    compiled(tmp_path, (HEAD + POINT).replace("status: final", "status: amended"))
    failed = CliRunner().invoke(app, ["test", str(tmp_path), "--json"])
    (told,) = [json.loads(line) for line in failed.stdout.splitlines()]
    assert (failed.exit_code, told["test"]) == (1, "examples/one-point")
    assert [problem.rpartition(".")[2] for problem in told["problems"]] == ["status"]
    compiled(tmp_path, (HEAD + POINT).replace("records: =points", "records: =points, match: =other.exists()"))
    assert CliRunner().invoke(app, ["test", str(tmp_path), "--update"]).exit_code == 0
    assert not case.joinpath("expected.json").exists()
    assert "mapping.no-match" in case.joinpath("issues.json").read_text("utf-8")


def test_the_list_compiles_nothing() -> None:
    lines = CliRunner().invoke(app, ["list", "--json"]).stdout.splitlines()
    found = {json.loads(line)["folder"]: json.loads(line) for line in lines}
    assert set(found) == set(dict(find_folders(asset_root("mappings"))))
    assert found["google-health/heart-rate"]["mapping"] == "wearable.google-health.heart-rate"
    assert all(row["status"] != "faulty" for row in found.values())


RUNS = """\
emit:
  - id: run
    mode: grouped
    foreach: =points.where(kind = 'hr').samples
    when: =bpm.exists()
    group: {by: []}
    key: [=first.record.at]
    resource:
      resourceType: Observation
      status: final
      code: {text: x}
      note:
        - {foreach: =records.where(lost = true), text: =at}
        - foreach: =records.where(odd.exists())
          text: =at
      valueSampledData:
        series:
          time: =at
          value: =bpm
          period: {value: 1, unit: min}
          origin: {value: 0, unit: /min}
"""


def test_what_filters_ask_for_is_read_and_a_series_is_explained(tmp_path: Path) -> None:
    mapping = compiled(tmp_path, HEAD + RUNS)
    samples = [{"at": f"2026-01-01T00:{minute:02}:00Z", "bpm": 60 + minute} for minute in range(15)]
    tree = {"points": [{"kind": "hr", "samples": samples}, {"kind": "other", "samples": [{"lost": True}]}]}
    read = paths_read(mapping.plan)
    assert set(_unread(tree, read)) <= {("points", "samples", "lost")}
    mapped = mapping.map(Decoded(tree, json_pointer), facts(), trace=True)
    (series,) = steps_at(mapped.trace, "Observation.valueSampledData.data")
    places = [f"/points/0/samples/{index}/bpm" for index in (*range(9), 14)]
    assert (list(series.sources), series.expression) == (places, "bpm")
    (row,) = [one for one in rows(mapping.plan) if one.element == "Observation.valueSampledData"]
    assert (row.position, row.paths) == (series.mapping, ("points.samples.bpm",))
    assert {one.element for one in rows(mapping.plan) if "note" in one.element} == {"Observation.note[].text"}
