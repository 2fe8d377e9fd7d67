"""Traces and explanations, the tests that a file carries, the registry, the commands."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.map import app
from gateway.core.errors import NotFound, Unprocessable
from gateway.definitions import r4
from gateway.formats import decode
from gateway.mapping import MappingRegistry
from gateway.mapping.explaining.explain import steps_at
from gateway.mapping.tools.selftest import holds, run_tests
from tests.unit.mapping.files import HEAD, POINT, compiled, emit, facts

LAB = (
    emit("valueQuantity: {value: =%v, unit: g}\nreferenceRange: [{text: fixed}, {text: =OBX.f7}]")
    .replace(
        "format: json, records: =points", "format: hl7v2, records: =PATIENT_RESULT.ORDER_OBSERVATION.OBSERVATION"
    )
    .replace("emit:", "vars: {v: =OBX.f5_1.toDecimal()}\nemit:")
    .replace("key: [=id]", "key: [=OBX.f3_1]")
)
MESSAGE = b"""MSH|^~\\&|LAB|S|GW||20260101||ORU^R01|1|T|2.5.1\rPID|1||1^^^A^MR\rOBR|1||F|24317-0^Panel^LN
OBX|1|NM|718-7^Hb^LN||13.50|g/dL|12-16\rOBX|2|NM|789-8^Ery^LN||4.060|tera.l-1|4-5\r""".replace(b"\n", b"\r")


def test_every_element_is_accounted_for(tmp_path: Path) -> None:
    decoded = decode(MESSAGE, "hl7v2")
    mapped = compiled(tmp_path, LAB).apply(decoded.tree, facts(), trace=True, locate=decoded.locate)
    second = mapped.resources[1]
    (step,) = steps_at(mapped.trace, f"Observation/{second['id']}.valueQuantity.value")
    assert (step.expression, step.sources) == ("%v", ("OBX[2].5.1",))
    assert step.mapping.startswith("test/mapping.yaml:")
    (unit,) = steps_at(mapped.trace, f"Observation/{second['id']}.valueQuantity.unit")
    assert (unit.expression, unit.sources) == ("", ())
    texts = steps_at(mapped.trace, "Observation.referenceRange.text")
    assert [step.sources for step in texts] == [(), ("OBX[1].7",), (), ("OBX[2].7",)]
    assert steps_at(mapped.trace, "Observation.method") == ()
    assert steps_at(mapped.trace, "not a path!") == ()


def test_dropped_resources_leave_no_trace(tmp_path: Path) -> None:
    text = emit("valueString: =v") + "policy: {multiple-values: drop-resource}\n"
    mapped = compiled(tmp_path, text).apply({"points": [{"id": "1", "v": ["a", "b"]}]}, facts(), trace=True)
    assert (mapped.resources, mapped.trace) == ((), ())


TESTS = """\
tests:
  - name: right
    context: {envelope: {user: u1}}
    given: {points: [{at: "2026-01-01", bpm: 72.0}]}
    expect:
      resources: {Observation: 1}
      match: {Observation: [{valueQuantity: {value: 72.0}}]}
      where: [=Observation.id.count() = 1]
      idempotent: true
  - name: wrong in many ways
    context: {envelope: {user: u1}}
    given_file: examples/payload.json
    expect:
      resources: {Observation: 2}
      match: {Observation: {valueQuantity: {value: 72}}}
      where: [=Observation.count() = 3, =Observation.id.combine('x') + 'x']
      issues: [{code: multiple-values, at: /points/0/bpm}]
  - name: unknown participant
    context: {subject: null, envelope: {user: u1}}
    given: {points: [{at: "2026-01-01"}]}
    expect: {issues: [{code: subject-unknown}]}
"""


def test_tests_of_a_file_can_fail(tmp_path: Path) -> None:
    tmp_path.joinpath("examples").mkdir()
    tmp_path.joinpath("examples", "payload.json").write_text('{"points": [{"at": "2026", "bpm": 72.0}]}')
    right, wrong, unknown = run_tests(compiled(tmp_path, HEAD + POINT + TESTS), tmp_path)
    assert right.problems == unknown.problems == ()
    assert len(wrong.problems) == 5
    assert "no issue multiple-values at /points/0/bpm" in wrong.problems


def test_what_is_made_is_validated_where_a_validator_is_given(tmp_path: Path) -> None:
    from gateway.core.issues import issue

    mapping = compiled(tmp_path, HEAD + POINT + TESTS)
    right, *_ = run_tests(mapping, tmp_path, lambda resource, profiles: [issue("mapping.guard", code="c", emit="e")])
    assert right.problems[0].startswith("invalid Observation: mapping.guard")


@pytest.mark.parametrize(
    ("subset", "tree", "expected"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}]}, True),
        ({"a": [1]}, {"a": [1, 2]}, False),
        ({"a": "1"}, {"a": 1}, False),
        ({"a": True}, {"a": 1}, False),
        ({"a": None}, {}, False),
    ],
)
def test_subsets(subset: object, tree: object, expected: bool) -> None:
    assert holds(subset, tree) is expected


def _write(root: Path, folder: str, text: str) -> None:
    place = root / folder
    place.mkdir(parents=True)
    place.joinpath("mapping.yaml").write_text(text)


def test_a_folder_is_its_registration(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    _write(first, "vendor/points", HEAD + POINT)
    _write(first, "vendor/other", (HEAD + POINT).replace("test.points", "test.other"))
    _write(second, "vendor/points", (HEAD + POINT).replace("version: 1.0.0", "version: 1.1.0"))
    registry = MappingRegistry.load((first, second), r4())
    assert [mapping.canonical for mapping in registry.all()] == ["test.other|1.0.0", "test.points|1.1.0"]
    with pytest.raises(NotFound):
        registry.get("test.none")


def test_the_first_that_matches_takes_the_payload(tmp_path: Path) -> None:
    a = (HEAD + POINT).replace("test.points", "test.a")
    a = a.replace("records: =points", "records: =points, match: =kind = 'a'")
    _write(tmp_path, "v/a", a)
    _write(tmp_path, "v/b", a.replace("test.a", "test.b").replace("'a'", "'b'"))
    _write(tmp_path, "v/c", (HEAD + POINT).replace("test.points", "test.c").replace("draft", "retired"))
    registry = MappingRegistry.load((tmp_path,), r4())
    ids = ("test.c", "test.a", "test.b")
    assert registry.find(ids, {"kind": "b"}).id == "test.b"
    with pytest.raises(Unprocessable) as refused:
        registry.find(ids, {"kind": ["b", "b"]})
    assert refused.value.issues[0].rule == "mapping.no-match"


def test_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    _write(tmp_path, "v/a", HEAD + POINT)
    _write(tmp_path, "v/b", HEAD + POINT)
    _write(tmp_path, "v/c", HEAD + POINT.replace("status", "sttus"))
    with pytest.raises(Unprocessable) as refused:
        MappingRegistry.load((tmp_path,), r4())
    told = {(found.rule, found.mapping.split("/mapping.yaml")[0]) for found in refused.value.issues}
    assert told == {
        ("mapping.duplicate-mapping", "v/b"),
        ("mapping.unknown-element", "v/c"),
        ("mapping.element-missing", "v/c"),
    }


def _command(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.output


def test_commands(tmp_path: Path) -> None:
    _write(tmp_path, "v/points", HEAD + POINT + TESTS.split("  - name: wrong")[0])
    folder, payload, known = str(tmp_path / "v/points"), tmp_path / "payload.json", tmp_path / "facts.yaml"
    payload.write_text('{"points": [{"at": "2026", "bpm": 4.060}]}')
    known.write_text("envelope: {user: u1}\nsubject: {id: p7}\n")
    assert _command("lint", folder)[0] == 0
    code, text = _command("test", folder)
    assert (code, text.strip()) == (0, "1/1 tests passed"), text
    code, text = _command("run", folder, str(payload), "--facts", str(known))
    assert (code, "4.060" in text, "Patient/p7" in text) == (0, True, True)
    code, text = _command("explain", folder, str(payload), "Observation.valueQuantity.value", "--facts", str(known))
    assert (code, "/points/0/bpm" in text, "=bpm" in text) == (0, True, True)
    code, text = _command("explain", folder, str(payload), "Observation.method", "--facts", str(known))
    assert (code, text.startswith("gateway: nothing was made at Observation.method; made: Observation.")) == (1, True)
    assert "Observation.valueQuantity" in text
    assert _command("lint", str(tmp_path / "nowhere"))[0] == 2


def test_lint_takes_a_folder_of_many(tmp_path: Path) -> None:
    _write(tmp_path, "v/good", HEAD + POINT)
    _write(
        tmp_path,
        "v/wrong",
        (HEAD + POINT).replace("status: final", "sttus: final").replace("mapping: ", "mapping: a."),
    )
    _write(tmp_path, "w/copy", (HEAD + POINT).replace("      subject: {reference: =%subject.reference}\n", ""))
    tmp_path.joinpath("empty").mkdir()
    code, text = _command("lint", str(tmp_path), str(tmp_path / "v/good"))
    lines = [line for line in text.splitlines() if not line.startswith(" ")]
    assert (code, lines[0], lines[1]) == (1, "v/good: 0 findings", "v/wrong: 2 findings, 2 faults")
    assert [line.split()[:2] for line in lines[2:]] == [
        ["error", "mapping.element-missing:"],
        ["error", "mapping.unknown-element:"],
        ["w/copy:", "2"],
        ["warning", "mapping.nobodys:"],
        ["warning", "mapping.duplicate-mapping:"],
        ["3", "mappings,"],
    ]
    assert _command("lint", str(tmp_path / "w"))[0] == 0
    code, text = _command("test", str(tmp_path))
    assert (code, "v/wrong/mapping.yaml:" in text, text.splitlines()[-1]) == (1, True, "0/1 tests passed")
    assert _command("docs", str(tmp_path))[0] == 2
    assert _command("lint", str(tmp_path / "empty")) == (
        2,
        f"gateway: there is no mapping.yaml in {tmp_path / 'empty'}, nor below it\n",
    )


def test_lint_tells_faults_for_machines(tmp_path: Path) -> None:
    _write(tmp_path, "v/points", HEAD + POINT.replace("status: final", "status: =%x"))
    code, text = _command("lint", "--json", str(tmp_path / "v/points"))
    outcome = json.loads(text)["outcome"]
    assert (code, outcome["issue"][0]["details"]["coding"][0]["code"]) == (1, "mapping.unknown-variable")
