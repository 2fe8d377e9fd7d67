"""De-identifying bodies by their shape, with what is remembered, gives the bytes of the walk over the tree."""

import json
from datetime import date
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import dumps, loads
from gateway.core.assets import asset_roots
from gateway.core.errors import Unprocessable
from gateway.export.deidentify import Deidentifier, StudyKey, load_policy, shipped_policies
from gateway.export.deidentify import shape as remembering
from gateway.export.deidentify import shapes as learning
from gateway.fhirpath import R4
from tests.compliance.official import folder

TODAY = date(2026, 6, 1)
KEY = StudyKey("s1", b"k" * 32)
SHIPPED = shipped_policies(asset_roots("profiles"))
WRITTEN = {
    "noise": [
        {"path": "Observation.value.value", "method": "perturb", "span": 4, "roundTo": 1},
        {"path": "Resource.id", "method": "keep"},
        {"path": "nodesByType('Meta')", "method": "keep"},
        {"path": "nodesByType('dateTime')", "method": "dateShift"},
        {"path": "Observation.contained", "method": "keep"},
    ],
    "asking": [
        {"path": "Observation.where(status = 'final').code", "method": "keep"},
        {"path": "Patient.name.where(use = 'official').family", "method": "cryptoHash"},
        {"path": "Patient.gender", "method": "substitute", "replaceWith": "unknown"},
    ],
    "looking": [
        {"path": "Observation.where(code.coding.where(code = '1' or code = 'a').exists()).value", "method": "redact"},
        {"path": "nodesByType('Reference').where($this.type = 'final')", "method": "cryptoHash"},
        {"path": "nodesByType('Extension').where(url = 'a').where(value = 'a')", "method": "keep"},
        {"path": "nodesByType('Identifier').where(exists()).value", "method": "cryptoHash"},
        {"path": "nodesByType('ContactPoint').where(rank > 5).value", "method": "keep"},
        {"path": "Observation.where(value.value > 5).status", "method": "keep"},
        {"path": "Observation.where(descendants().where($this = 'Group/1').exists()).device", "method": "keep"},
        {"path": "nodesByType('dateTime')", "method": "dateShift"},
        {"path": "Resource.id", "method": "keep"},
    ],
    "several": [
        {"path": "nodesByType('Reference')", "method": "cryptoHash"},
        {"path": "nodesByType('code')", "method": "generalize", "cases": {"$this = 'final'": "done"}},
        {"path": "nodesByType('Extension')", "method": "keep"},
    ],
}


def policies(folder):
    for name, path in SHIPPED.items():
        yield name, load_policy(path)
    for name, rules in WRITTEN.items():
        path = folder / f"{name}.yaml"
        path.write_text(json.dumps({"fhirPathRules": rules, "processingErrors": "skip"}))
        yield name, load_policy(path)


@pytest.fixture(scope="module")
def known_policies(tmp_path_factory):
    return dict(policies(tmp_path_factory.mktemp("policies")))


@pytest.fixture(scope="module")
def all_of_them(known_policies):
    return {name: Deidentifier(policy, KEY, TODAY) for name, policy in known_policies.items()}


references = st.sampled_from(["Patient/1", "Patient/2", "Group/1", "#1", "Patient?identifier=a|b", "urn:uuid:1"])
instants = st.sampled_from(["2026-02-03T04:05:06Z", "2026-02", "0001-01-01", "soon", "2026-02-03"])
quantities = st.builds(
    lambda value, unit: {"value": value, "unit": unit}, st.decimals(0, 200, places=1), st.sampled_from(["kg", "/min"])
)
extensions = st.lists(st.builds(lambda text: {"url": "urn:x", "valueString": text}, st.text(max_size=3)), min_size=1)
metas = st.fixed_dictionaries(
    {},
    optional={
        "profile": st.just(["http://example.org/p"]),
        "lastUpdated": instants,
        "security": st.just([{"code": "R"}]),
    },
)
patients = st.fixed_dictionaries(
    {"resourceType": st.just("Patient")},
    optional={
        "id": st.sampled_from(["1", "2"]),
        "meta": metas,
        "gender": st.sampled_from(["male", {"wrong": 1}, ["male"]]),
        "birthDate": st.sampled_from(["1930-01-01", "1980-01-01", "x"]),
        "_birthDate": st.builds(lambda extension: {"extension": extension}, extensions),
        "name": st.lists(
            st.builds(
                lambda use, family: {"use": use, "family": family}, st.sampled_from(["official", "old"]), st.text()
            )
        ),
        "address": st.just([{"postalCode": "02139", "state": "MA"}]),
    },
)
observations = st.fixed_dictionaries(
    {"resourceType": st.just("Observation")},
    optional={
        "id": st.sampled_from(["a", "b", "c"]),
        "meta": metas,
        "status": st.sampled_from(["final", "amended"]),
        "code": st.sampled_from([{"coding": [{"code": "8867-4"}]}, {"text": "Heart rate"}]),
        "subject": st.builds(lambda to: {"reference": to}, references),
        "performer": st.lists(st.builds(lambda to: {"reference": to}, references), max_size=2),
        "effectiveDateTime": instants,
        "effectivePeriod": st.builds(lambda start: {"start": start}, instants),
        "contained": st.lists(patients, max_size=1),
        "valueQuantity": quantities,
        "extension": extensions,
        "unknown": st.just(1),
    },
)
resources = st.one_of(patients, observations, st.sampled_from([{"resourceType": "Nothing"}, {}]))


def answer(deidentifier, resource):
    """What the walk over the tree gives, as bytes; the refusal's rule where it refuses."""
    try:
        found = deidentifier.apply(resource)
    except Unprocessable as refused:
        return refused.issues[0].rule
    return None if found is None else dumps(found)


def answer_in_bytes(deidentifier, body):
    try:
        return deidentifier.apply_body(body)
    except Unprocessable as refused:
        return refused.issues[0].rule


@settings(max_examples=120)
@given(st.lists(resources, min_size=1, max_size=8))
def test_bodies_and_trees_are_deidentified_alike(all_of_them, trees):
    for deidentifier in all_of_them.values():
        for tree in trees:
            body = dumps(tree)
            assert answer_in_bytes(deidentifier, body) == answer(deidentifier, loads(body))


TEXTS = ["", "a", "final", "30525-0", "official", "1", "2", "Patient/1", "Patient/2", "#1", "urn:uuid:1", "02139",
         "2026-02-03", "2025-01-01T00:00:00.5+14:00", "1920-02-29", "9999-12-31", "100%", "%b", 'quo"te',
         "back\\slash", "line\nfeed", "Zürich", "\x7f", "\u2028", "null", "5", '":', "http://terminology.hl7.org/x",
         "http://hl7.org/fhir/StructureDefinition/data-absent-reason"]  # fmt: skip
NUMBERS = [0, 1, -1, 89, 90, 10**18 - 1, 10**25, *map(Decimal, ("0.0", "-0.0", "0.5", "1E-7", "0.0000001", "1.10",
           "72.30", "1E+30", "123456789012345678901.5", "0.1234567"))]  # fmt: skip


PLAIN = [text for text in TEXTS if dumps(text) == f'"{text}"'.encode()]


def other_values(tree, draw, key="", texts=TEXTS):
    """The tree with some of its texts and numbers replaced by others, its shape as it was."""
    if isinstance(tree, dict):
        return {name: other_values(value, draw, name, texts) for name, value in tree.items()}
    if isinstance(tree, list):
        return [other_values(value, draw, key, texts) for value in tree]
    if tree is None or isinstance(tree, bool) or key == "resourceType" or draw.random() < 0.6:
        return tree
    return draw.choice(texts if isinstance(tree, str) else NUMBERS)


def grown(kind, draw, depth=0):
    """A tree of a type with some of the elements that R4 gives it."""
    tree = {}
    for key, branch in R4.branches(kind).items():
        if draw.random() > (0.3 if depth else 0.5) or (depth > 1 and not branch.is_primitive):
            continue
        if branch.is_resource:
            inner = draw.choice(("Patient", "Observation", "Organization"))
            value = {"resourceType": inner, **grown(inner, draw, depth + 1)} if depth < 2 else {}
        elif branch.is_twin:
            value = {"extension": [{"url": draw.choice(TEXTS), "valueString": draw.choice(TEXTS)}]}
        elif branch.is_primitive:
            of_numbers = branch.type in ("decimal", "integer", "positiveInt", "unsignedInt")
            value = True if branch.type == "boolean" else draw.choice(NUMBERS if of_numbers else TEXTS)
        else:
            value = grown(branch.type, draw, depth + 1)
        tree[key] = [value] * draw.randint(1, 2) if R4.member(kind, branch.name).many else value
    return tree


KINDS = ["Patient", "Observation", "QuestionnaireResponse", "Procedure", "AuditEvent", "Encounter", "Bundle",
         "CarePlan",         "DiagnosticReport", "ImagingStudy", "Device", "Group", "Condition"]  # fmt: skip


def in_a_row(deidentifier, trees):
    """Each body gives what the walk gives of its tree; from the third on its shape is known."""
    for tree in trees:
        body = dumps(tree)
        assert answer_in_bytes(deidentifier, body) == answer(deidentifier, loads(body))


@settings(max_examples=80)
@given(st.sampled_from(KINDS), st.sampled_from([*SHIPPED, *WRITTEN]), st.integers(0, 2**32))
def test_bodies_of_any_shape_are_deidentified_as_their_trees(known_policies, kind, policy, seed):
    draw = Random(seed)
    tree = {"resourceType": kind, **grown(kind, draw)}
    in_a_row(
        Deidentifier(known_policies[policy], KEY, TODAY), [tree, tree, *(other_values(tree, draw) for _ in range(8))]
    )


@settings(max_examples=40)
@given(st.sampled_from(KINDS), st.sampled_from([*SHIPPED, *WRITTEN]), st.integers(0, 2**32))
def test_lines_are_deidentified_as_their_trees(known_policies, kind, policy, seed):
    draw = Random(seed)
    deidentifier = Deidentifier(known_policies[policy], KEY, TODAY)
    tree = {"resourceType": kind, **grown(kind, draw)}
    like = [tree, *(other_values(tree, draw, texts=PLAIN) for _ in range(4))]
    for trees in (
        like,
        [draw.choice(like) for _ in range(20)],
        [draw.choice([*like, observation(1)]) for _ in range(20)],
    ):
        answers = [answer(deidentifier, one) for one in trees]
        lines = b"".join(dumps(one) + b"\n" for one in trees)
        if any(isinstance(one, str) for one in answers):
            with pytest.raises(Unprocessable):
                deidentifier.apply_lines(lines)
            continue
        kept = [one + b"\n" for one in answers if one is not None]
        assert deidentifier.apply_lines(lines) == (b"".join(kept), len(kept))


def observation(number):
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "meta": {"lastUpdated": f"2026-02-01T00:00:{number % 60:02}Z"},
        "status": "final",
        "code": {"coding": [{"code": ("8867-4", "30525-0")[number % 2]}]},
        "subject": {"reference": f"Patient/{number // 10}"},
        "effectiveDateTime": f"2026-01-{number % 28 + 1:02}",
        "valueQuantity": {"value": Decimal(number) / 8, "unit": "kg"},
    }


@pytest.mark.parametrize("policy", SHIPPED)
def test_a_known_shape_needs_no_tree(monkeypatch, policy):
    deidentifier = Deidentifier(load_policy(SHIPPED[policy]), KEY, TODAY)
    walk, walked = deidentifier.apply, []
    monkeypatch.setattr(deidentifier, "apply", lambda tree: walked.append(tree) or walk(tree))
    found = [deidentifier.apply_body(dumps(observation(number))) for number in range(200)]
    assert len(walked) <= 1
    assert found == [dumps(walk(observation(number))) for number in range(200)]


@pytest.mark.parametrize("policy", [*SHIPPED, *WRITTEN])
def test_any_value_of_a_known_shape(known_policies, policy):
    deidentifier = Deidentifier(known_policies[policy], KEY, TODAY)
    device = {"device": {"reference": "Device/1"}, "performer": [{"reference": "Group/2"}]}
    in_a_row(deidentifier, [observation(number) | device for number in range(4)])
    for text in TEXTS:
        of_text = {"reference": text}
        of_extension = {"extension": [{"url": "a", "valueString": text}]}
        for change in (
            {"id": text},
            {"subject": of_text},
            {"effectiveDateTime": text},
            {"performer": [of_text]},
            of_extension,
        ):
            in_a_row(deidentifier, [observation(1) | device | change, observation(2) | device | change])
    for number in NUMBERS:
        in_a_row(deidentifier, [observation(1) | device | {"valueQuantity": {"value": number, "unit": "kg"}}])


@pytest.mark.parametrize("kinds", [1, 2])
def test_lines_of_one_shape_are_not_taken_one_by_one(monkeypatch, kinds):
    deidentifier = Deidentifier(load_policy(SHIPPED["research-pseudonymised"]), KEY, TODAY)
    bodies = [dumps(observation(number) | ({"issued": "2026"} if number % kinds else {})) for number in range(100)]
    expected = b"".join(deidentifier.apply_body(body) + b"\n" for body in bodies)
    one_by_one, apply = [], deidentifier.apply_body
    monkeypatch.setattr(deidentifier, "apply_body", lambda body: one_by_one.append(body) or apply(body))
    assert deidentifier.apply_lines(b"\n".join([*bodies, b""])) == (expected, 100)
    assert len(one_by_one) == (0 if kinds == 1 else 100)


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(remembering, "MAX_REMEMBERED", 8)
    monkeypatch.setattr(learning, "MAX_REMEMBERED", 8)
    monkeypatch.setattr(learning, "MAX_SHAPES", 4)
    deidentifier = Deidentifier(load_policy(SHIPPED["research-pseudonymised"]), KEY, TODAY)
    for number in range(300):
        tree = observation(number) | {"performer": [{"reference": "Group/1"}] * (number // 7 % 9)}
        assert deidentifier.apply_body(dumps(tree)) == dumps(deidentifier.apply(tree))
    shapes = deidentifier._shapes
    assert len(shapes._shapes) <= 4
    assert all(len(one) <= 8 for one in shapes._known.values())
    lefts = [left for shape in shapes._recent for left in shape.variants[1].values()]
    assert lefts
    assert all(len(left.persons) <= 8 for left in lefts)


def test_official_examples_are_deidentified_alike(known_policies):
    try:
        files = sorted(folder("r4-examples").glob("*.json"))
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    draw = Random(7)
    for path in files[::5]:
        body = path.read_bytes()
        tree = loads(body)
        if len(body) < 50_000:
            for policy in known_policies.values():
                in_a_row(
                    Deidentifier(policy, KEY, TODAY), [tree, tree, other_values(tree, draw), other_values(tree, draw)]
                )
