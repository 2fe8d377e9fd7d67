"""Study folders: the demo study loads whole, and each fault is found where it stands."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.consent import ConsentPolicy
from gateway.core import yaml
from gateway.core.assets import asset_root, asset_roots
from gateway.core.errors import Unprocessable
from gateway.core.models import to_model
from gateway.study import Studies, Study, check, withdraw
from gateway.study.parts import CodeMeaning, PolicyCode

DEMO = Path(str(asset_root("profiles"))) / "studies" / "hf-dct-01"
BROKEN = sorted((Path(__file__).parents[2] / "golden" / "studies_broken").glob("*.yaml"))


@pytest.fixture(scope="module")
def study() -> Study:
    return Studies.load(asset_roots("profiles"))["hf-dct-01"]


@pytest.mark.parametrize("case", BROKEN, ids=lambda path: path.stem)
def test_a_fault_is_found_where_it_stands(case: Path, tmp_path: Path) -> None:
    fault = yaml.load(case.read_text("utf-8")).tree
    root = tmp_path / "hf-dct-01"
    shutil.copytree(DEMO, root)
    edited = root / fault["file"]
    text = edited.read_text("utf-8")
    assert fault["find"] in text, "the case no longer fits the demo study"
    edited.write_text(text.replace(fault["find"], fault["replace"], 1), "utf-8")

    found = check(root)

    assert [issue.rule for issue in found] == [expected["rule"] for expected in fault["expect"]]
    for issue, expected in zip(found, fault["expect"], strict=True):
        name, _, position = issue.source.partition(":")
        assert name == expected["file"]
        if "at" in expected:
            line, column = map(int, position.split(":"))
            rest = (root / name).read_text("utf-8").splitlines()[line - 1][column - 1 :]
            assert rest.startswith(expected["at"])
    with pytest.raises(Unprocessable):
        Study.load(root)


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    root = tmp_path / "hf-dct-01"
    shutil.copytree(DEMO, root)
    for name, find, replace in (
        ("study.yaml", "zone: Asia/Kolkata", "zone: Asia/Poona"),
        ("study.yaml", "source: imaging}", "source: images}"),
        ("participants.yaml", "birthDate: 1957-03-14", "birthDate: 1957-13-14"),
        ("Consent-all.json", "ResearchStudy/hf-dct-01", "ResearchStudy/other"),
    ):
        path = root / name
        path.write_text(path.read_text("utf-8").replace(find, replace), "utf-8")
    rules = {issue.rule for issue in check(root)}
    assert rules == {
        "study.zone",
        "study.unknown-name",
        "study.source-client",
        "study.date",
        "study.consent-template",
    }


def test_an_empty_folder_says_what_is_missing(tmp_path: Path) -> None:
    assert [issue.source for issue in check(tmp_path)] == ["study.yaml", "participants.yaml"]


def test_no_message_tells_a_participants_data(tmp_path: Path) -> None:
    root = tmp_path / "hf-dct-01"
    shutil.copytree(DEMO, root)
    path = root / "participants.yaml"
    text = path.read_text("utf-8").replace('id: "101-002"', 'id: "101-001"').replace("wi-101-002", "wi-101-001")
    path.write_text(text.replace("birthDate: 1957-03-14", "birthDate: 14.03.1957"), "utf-8")
    told = " ".join(f"{issue.message} {issue.hint} {issue.source}" for issue in check(root))
    assert told
    for secret in ("101-001", "wi-101", "1957"):
        assert secret not in told


def test_the_demo_study_has_what_the_demo_needs(study: Study) -> None:
    assert [site.zone for site in study.sites.values()] == ["America/New_York", "Europe/Madrid", "Asia/Kolkata"]
    assert len(study.participants) >= 9
    assert len({person.zone for person in study.participants}) >= 5
    assert {person.consent for person in study.participants} == set(study.consent.templates)
    assert sum(person.withdrawn is not None for person in study.participants) == 1
    assert all(study.client_of(source) for source in study.sources)
    assert study.client_of("") is None
    assert study.client_of("unknown") is None


def test_enrolment_is_deterministic_and_typed(study: Study) -> None:
    resources = study.enrolment()
    assert resources == study.enrolment()
    keys = [(resource["resourceType"], resource["id"]) for resource in resources]
    assert len(set(keys)) == len(keys)
    for resource in resources:
        to_model(resource)


def test_enrolment_refers_to_what_it_holds(study: Study) -> None:
    def references(tree: object) -> Iterator[str]:
        if isinstance(tree, dict):
            yield from (value for key, value in tree.items() if key == "reference" and isinstance(value, str))
            for value in tree.values():
                yield from references(value)
        elif isinstance(tree, list):
            for value in tree:
                yield from references(value)

    resources = study.enrolment()
    held = {f"{resource['resourceType']}/{resource['id']}" for resource in resources}
    assert set(references(resources)) <= held


def test_a_withdrawn_consent_is_inactive_and_says_how(study: Study) -> None:
    person = next(person for person in study.participants if person.withdrawn)
    consents = [entry for entry in study.enrolment() if entry["resourceType"] == "Consent"]
    own = next(entry for entry in consents if entry["patient"]["reference"] == f"Patient/{person.patient}")
    assert own["status"] == "inactive"
    again = withdraw(own, "stop-collection", "2026-06-01T00:00:00Z")
    assert len(again["extension"]) == 1
    assert again["extension"][0]["extension"][0] == {"url": "mode", "valueCode": "stop-collection"}
    assert sum(entry["status"] == "inactive" for entry in consents) == 1


@pytest.mark.parametrize(("text", "policy"), [("", "no-further-use"), ("retain", "retain")])
def test_what_becomes_of_data_when_a_period_has_ended(tmp_path: Path, text: str, policy: str) -> None:
    root = tmp_path / "hf-dct-01"
    shutil.copytree(DEMO, root)
    file = root / "study.yaml"
    file.write_text(file.read_text("utf-8") + (f"  after_expiry: {text}\n" if text else ""), "utf-8")
    study = Study.load(root)
    assert study.consent.after_expiry == policy
    assert ConsentPolicy.of(study).retains_expired is (policy == "retain")


def test_a_study_names_documents_of_withdrawal(tmp_path: Path) -> None:
    root = tmp_path / "hf-dct-01"
    shutil.copytree(DEMO, root)
    file, broad = root / "study.yaml", "urn:oid:2.16.840.1.113883.3.1937.777.24.2."
    named = f'  withdrawal_documents: {{"urn:ours": stop-collection, "{broad}2719": no-further-use}}\n'
    file.write_text(file.read_text("utf-8") + named, "utf-8")
    documents = ConsentPolicy.of(Study.load(root)).documents
    assert documents["urn:ours"] == "stop-collection"
    assert documents[f"{broad}2719"] == documents[f"{broad}2722"] == "no-further-use"
    file.write_text(file.read_text("utf-8").replace("stop-collection,", "delete,"), "utf-8")
    assert [issue.rule for issue in check(root)] == ["study.value"]


def test_a_study_says_what_codes_of_consents_mean(tmp_path: Path) -> None:
    root = tmp_path / "hf-dct-01"
    shutil.copytree(DEMO, root)
    file, broad = (
        root / "study.yaml",
        "urn:oid:2.16.840.1.113883.3.1937.777.24.5.3|2.16.840.1.113883.3.1937.777.24.5.3",
    )
    assert ConsentPolicy.of(Study.load(root)).codes == {}
    named = "  broad_consent: {organisations: [sponsor], not_held: [biomaterial]}\n  policy_codes:\n"
    named += '    "urn:ours|1": {deny: {domains: [lab], actions: []}}\n'
    named += f'    "{broad}.8": {{permit: {{data_of: ["{broad}.6"]}}}}\n'
    file.write_text(file.read_text("utf-8") + named, "utf-8")
    codes = ConsentPolicy.of(Study.load(root)).codes
    assert codes["urn:ours|1"] == PolicyCode(deny=CodeMeaning(actions=(), domains=("lab",)))
    assert codes[f"{broad}.8"] == PolicyCode(permit=CodeMeaning(data_of=(f"{broad}.6",)))
    assert codes[f"{broad}.46"].permit == codes[f"{broad}.19"].deny == CodeMeaning(actions=())
    others = codes[f"{broad}.49"].deny
    assert others
    assert {*(others.organisations or ())} == Study.load(root).organisations.keys() - {"sponsor"}
    assert not codes.keys() & {f"{broad}.7", f"{broad}.11"}


def test_a_later_root_replaces_a_study(tmp_path: Path) -> None:
    root = tmp_path / "studies" / "hf-dct-01"
    shutil.copytree(DEMO, root)
    path = root / "study.yaml"
    path.write_text(path.read_text("utf-8").replace("title: Decentralised", "title: Local"), "utf-8")
    studies = Studies.load((asset_root("profiles"), tmp_path))
    assert studies["hf-dct-01"].title.startswith("Local")
    assert list(studies) == ["hf-dct-01"]
    assert "other" not in studies
    assert len(studies) == 1
