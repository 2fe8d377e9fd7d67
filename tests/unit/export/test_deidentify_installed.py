"""What de-identifies for a role: the policy among the assets that it names, with the study's key, as of today."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.core.assets import asset_root
from gateway.core.errors import Unavailable, Unprocessable
from gateway.export.deidentify import Deidentifiers, study_key
from gateway.export.deidentify.installed import MAX_MADE
from gateway.export.deidentify.shipped import shipped_policies
from gateway.study import Study

FOLDER = Path(str(asset_root("profiles"))) / "studies" / "hf-dct-01"
PATIENT = {"resourceType": "Patient", "id": "p", "gender": "male", "birthDate": "1936-07-01"}


class Clock:
    """What the time is: as it is set."""

    def __init__(self):
        self.now = datetime(2026, 6, 1, 12, tzinfo=UTC)

    def __call__(self):
        return self.now


@pytest.fixture(scope="module")
def study():
    return Study.load(FOLDER)


def bound(study, **policies):
    """The study with roles that name policies."""
    plain = next(iter(study.roles.values()))
    named = {name: replace(plain, name=name, deidentify=policy) for name, policy in policies.items()}
    return replace(study, roles={"plain": replace(plain, name="plain", deidentify=""), **named})


def policy(folder, name, *paths, kind="json"):
    """A policy of an overlay that keeps some paths; the overlay."""
    file = folder / "profiles" / "gateway" / "deidentification" / f"{name}.{kind}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"fhirPathRules": [{"path": path, "method": "keep"} for path in paths]}))
    return folder


def asked(studies, overlays, keys, clock=None):
    return Deidentifiers.of(studies, overlays, keys, clock or Clock())


def test_a_role_is_given_what_its_policy_leaves(study, tmp_path):
    overlay = policy(tmp_path, "mine", "Patient.gender")
    policy(tmp_path, "other", "Patient.id", kind="yaml")
    one = bound(study, researcher="mine", other="other")
    found = asked([one], (overlay,), tmp_path / "keys")
    assert found.for_role(one, "plain") is None
    mine = found.for_role(one, "researcher")
    assert mine.policy.name == "mine"
    assert {"resourceType", "gender", "meta"} == set(mine.apply(PATIENT))
    assert {"resourceType", "id", "meta"} == set(found.for_role(one, "other").apply(PATIENT))
    assert found.for_role(one, "researcher") is mine


def test_each_study_has_its_key(study, tmp_path):
    first = bound(study, researcher="research-pseudonymised")
    second = replace(first, id="another")
    found = asked([first, second], (), tmp_path / "keys")
    ids = [found.for_role(one, "researcher").apply(PATIENT)["id"] for one in (first, second)]
    assert ids == [study_key(tmp_path / "keys", one.id).hash("p") for one in (first, second)]
    assert len({*ids}) == 2


def test_ages_are_reckoned_by_the_day_it_is(study, tmp_path):
    one, clock = bound(study, researcher="safe-harbor"), Clock()
    found = asked([one], (), tmp_path / "keys", clock)
    assert found.for_role(one, "researcher").apply(PATIENT)["birthDate"] == "1936"
    clock.now += timedelta(days=30)
    assert "birthDate" not in found.for_role(one, "researcher").apply(PATIENT)


def test_a_policy_that_is_not_there_or_faulty_is_refused_at_once(study, tmp_path):
    with pytest.raises(Unprocessable) as refused:
        asked([bound(study, researcher="nothing")], (), tmp_path)
    [found] = refused.value.issues
    assert (found.rule, found.message.rpartition(": ")[2]) == ("export.policy-unknown", "nothing")
    overlay = policy(tmp_path, "mine")
    with pytest.raises(Unprocessable, match=r"export\.policy-element"):
        asked([bound(study, researcher="mine")], (overlay,), tmp_path)
    assert asked([bound(study)], (overlay,), tmp_path).for_role(bound(study), "plain") is None


def test_a_damaged_key_is_refused_whenever_it_is_asked(study, tmp_path):
    one = bound(study, researcher="safe-harbor")
    found = asked([one], (), tmp_path)
    (tmp_path / f"deidentify-{one.id}.key").write_bytes(b"short")
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"export\.key"):
            found.for_role(one, "researcher")


def test_what_is_ready_is_bounded(study, tmp_path):
    one, clock = bound(study, researcher="safe-harbor"), Clock()
    found = asked([one], (), tmp_path, clock)
    first = clock.now
    made = []
    for number in range(101):
        clock.now = first + timedelta(days=number)
        made.append(found.for_role(one, "researcher"))
        assert len(found._made) == (number + 1 if number < 100 else 1)
    assert MAX_MADE == 100
    assert found.for_role(one, "researcher") is made[-1]
    clock.now = first
    assert found.for_role(one, "researcher") is not made[0]


def test_the_policies_of_the_assets_are_by_name(tmp_path):
    first, second, bare = (tmp_path / name / "profiles" for name in ("first", "second", "bare"))
    policy(first.parent, "b.c", "Patient")
    policy(first.parent, "a", "Patient", kind="yaml")
    policy(second.parent, "a", "Patient")
    (second / "gateway" / "deidentification" / "README.md").write_text("no policy")
    (bare / "gateway").mkdir(parents=True)
    found = shipped_policies((bare, first, second))
    folder = ("gateway", "deidentification")
    assert list(found.items()) == [
        ("a", second.joinpath(*folder, "a.json")),
        ("b.c", first.joinpath(*folder, "b.c.json")),
    ]
    assert shipped_policies((bare,)) == {}
