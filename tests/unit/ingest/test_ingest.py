"""What becomes of payloads: stored, known, partial, quarantined; never lost, never doubled, never told in words."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.app import Gateway
from gateway.core.codec import loads
from gateway.core.errors import Forbidden, NotFound, Unavailable, Unprocessable, UnsupportedMediaType
from gateway.core.issues import Issue, issue
from gateway.core.receipt import Receipt
from gateway.core.types import Resource
from gateway.ingest import Ingest, Replay
from gateway.search import Query
from gateway.study import Study
from tests.unit.ingest.conftest import STUDY, Sender, heart_rate, laboratory

USER = "gh-101-001"


def rules(receipt: Receipt) -> list[str]:
    """The rules of what is wrong; what the watch tells of fields depends on the payloads before."""
    return [found.rule for found in receipt.issues if found.rule != "ingest.unseen-fields"]


def told(receipt: Receipt) -> str:
    return " ".join(f"{found.message} {found.hint} {found.expression}" for found in receipt.issues)


def test_raw_bytes_are_durable_before_anything_is_parsed(gateway: Gateway, sender: Sender) -> None:
    receipt = sender.land("google-health", b"\x00 not json at all", vendorUserId=USER)
    assert (receipt.status, receipt.attempts, receipt.mapping) == ("received", 0, "")
    kept = gateway.store.payload(STUDY, receipt.id)
    assert (kept.body, kept.envelope) == (b"\x00 not json at all", {"vendorUserId": USER})
    finished = gateway.ingest.process(receipt)
    assert finished.status == "quarantined"
    assert finished.counts.quarantined == 1
    assert finished.issues[0].blocks
    assert gateway.store.receipt(STUDY, receipt.id) == finished


def test_a_payload_is_stored_with_its_provenance(gateway: Gateway, sender: Sender, minute: str) -> None:
    receipt = sender.send("google-health", heart_rate(minute), vendorUserId=USER)
    assert receipt.status == "stored"
    counts = receipt.counts
    assert (counts.records, counts.known) == (2, counts.mapped - counts.created - counts.updated)
    assert counts.created >= 2
    assert receipt.mapping.startswith("wearable.google-health.heart-rate|")
    rows = [loads(row.body) for row in gateway.store.stream(Query("Provenance"), STUDY, None)]
    own = [row for row in rows if receipt.id in str(row["entity"])]
    assert len(own) == 1
    assert len(own[0]["target"]) == counts.created + counts.updated
    assert own[0]["policy"] == [f"urn:trial-fhir-gateway:mapping:{receipt.mapping}"]
    assert receipt.sha256 in str(own[0]["entity"])


def test_the_same_payload_is_known(sender: Sender, minute: str) -> None:
    first = sender.send("google-health", heart_rate(minute), vendorUserId=USER)
    again = sender.send("google-health", heart_rate(minute), vendorUserId=USER)
    assert (again.status, again.duplicate_of) == ("known", first.id)
    assert again.counts.created == 0


def test_the_same_measurement_in_another_payload_is_known(sender: Sender, minute: str) -> None:
    sender.send("google-health", heart_rate(minute, count=3), vendorUserId=USER)
    again = sender.send("google-health", heart_rate(minute, count=2), vendorUserId=USER)
    assert (again.status, again.duplicate_of) == ("known", "")
    assert again.counts.created == again.counts.updated == 0
    assert again.counts.known == again.counts.mapped >= 2


def test_the_same_bytes_of_another_participant_are_another_payload(sender: Sender, minute: str) -> None:
    first = sender.send("google-health", heart_rate(minute), vendorUserId=USER)
    other = sender.send("google-health", heart_rate(minute), vendorUserId="gh-101-002")
    assert (other.status, other.duplicate_of) == ("stored", "")
    assert other.counts.created >= 2
    assert first.sha256 == other.sha256


def test_a_corrected_measurement_is_a_new_version(sender: Sender, minute: str) -> None:
    sender.send("google-health", heart_rate(minute, 70), vendorUserId=USER)
    corrected = sender.send("google-health", heart_rate(minute, 71), vendorUserId=USER)
    assert (corrected.status, corrected.counts.updated, corrected.counts.created) == ("stored", 2, 0)


def test_one_participants_fault_keeps_out_that_participant_only(sender: Sender) -> None:
    body = laboratory(("101", "101-001"), ("101", "999-999"), ("201", "101-002"), ("301", "301-001"))
    receipt = sender.send("central-lab", body)
    assert receipt.status == "partial", receipt.issues
    assert (receipt.counts.records, receipt.counts.quarantined) == (4, 2)
    assert receipt.counts.created == receipt.counts.mapped > 0
    assert rules(receipt) == ["mapping.subject-unknown", "mapping.subject-mismatch"]
    blocking = [found.source for found in receipt.issues if found.blocks]
    assert blocking == ["row 3, column SUBJID", "row 4, column SITEID"]
    again = sender.send("central-lab", body)
    assert (again.status, again.duplicate_of) == ("partial", receipt.id)
    assert (again.counts.created, again.counts.known) == (0, receipt.counts.created)


def test_a_consent_for_wearables_keeps_out_the_laboratory(sender: Sender) -> None:
    receipt = sender.send("central-lab", laboratory(("101", "101-003")))
    assert (receipt.status, rules(receipt)) == ("quarantined", ["consent.collection-not-permitted"])


def test_a_study_with_a_mapping_that_is_not_there_does_not_start(
    gateway: Gateway, study: Study, make_ingest: Callable[..., Ingest]
) -> None:
    source = replace(study.sources["withings"], mappings=("wearable.withings.weights",))
    broken = replace(study, sources={**study.sources, "withings": source})
    with pytest.raises(Unprocessable, match=r"study\.unknown-mapping"):
        make_ingest(studies={STUDY: broken})


def test_no_records_change_nothing(sender: Sender) -> None:
    receipt = sender.send("google-health", b'{"dataPoints": []}', vendorUserId=USER)
    assert receipt.counts.mapped == 0
    assert receipt.status in ("known", "quarantined")
    assert receipt.issues


def test_unknown_study_source_and_media_type(gateway: Gateway, study: Study) -> None:
    ingest, client = gateway.ingest, study.client_of("withings")
    assert client
    principal = study.principal(client)
    with pytest.raises(NotFound, match=r"ingest\.unknown-study"):
        ingest.receive(ingest.payload("other", "withings", b"{}", "application/json"), principal)
    with pytest.raises(NotFound, match=r"ingest\.unknown-source"):
        ingest.receive(ingest.payload(STUDY, "other", b"{}", "application/json"), principal)
    with pytest.raises(Forbidden, match=r"ingest\.not-your-source"):
        ingest.receive(ingest.payload(STUDY, "central-lab", b"{}", "text/csv"), principal)
    with pytest.raises(UnsupportedMediaType, match=r"ingest\.media-type"):
        ingest.receive(ingest.payload(STUDY, "withings", b"{}", "text/html"), principal)
    receipt = ingest.receive(ingest.payload(STUDY, "withings", b"{]", "Application/JSON; charset=utf-8"), principal)
    assert receipt.status == "received"


def test_a_table_is_read_in_the_encoding_that_its_sender_declares(
    gateway: Gateway, study: Study, sender: Sender
) -> None:
    body = laboratory(("101", "101-001"), prefix="E").replace(b"NT-proBNP", "Größe".encode("cp1252"))
    refused = sender.send("central-lab", body)
    assert rules(refused) == ["format.encoding"]
    client = study.client_of("central-lab")
    assert client
    declared = gateway.ingest.payload(STUDY, "central-lab", body, 'text/csv; charset="Windows-1252"')
    receipt = gateway.ingest.process(gateway.ingest.receive(declared, study.principal(client)))
    assert (receipt.status, receipt.counts.mapped) == ("stored", 2)
    assert sender.send("central-lab", body.replace(b"E0", b"E1"), charset="latin-1").status == "stored"


def test_a_source_sees_its_own_receipts_only(gateway: Gateway, study: Study, sender: Sender, minute: str) -> None:
    receipt = sender.send("google-health", heart_rate(minute), vendorUserId=USER)
    own, other = study.clients["google-health"], study.clients["withings"]
    assert gateway.ingest.receipt(receipt.id, study.principal(own)) == receipt
    assert gateway.ingest.receipt(receipt.id, study.principal(study.clients["data-manager"])) == receipt
    with pytest.raises(NotFound):
        gateway.ingest.receipt(receipt.id, study.principal(other))
    with pytest.raises(NotFound):
        gateway.ingest.receipt("none", study.principal(own))


@pytest.mark.parametrize("user", ["gh-999-999", "GH-101-001", "gh-other-study"])
def test_an_unknown_participant_is_quarantined_without_telling_who(sender: Sender, minute: str, user: str) -> None:
    receipt = sender.send("google-health", heart_rate(minute), vendorUserId=user)
    assert receipt.status == "quarantined"
    assert rules(receipt)[0].startswith("mapping.")
    assert user not in told(receipt)


def test_a_withdrawn_participants_data_is_kept_out(sender: Sender, study: Study, minute: str) -> None:
    person = next(person for person in study.participants if person.withdrawn)
    user = person.identities["urn:google:health:user"]
    receipt = sender.send("google-health", heart_rate(minute), vendorUserId=user)
    assert receipt.status == "quarantined"
    assert any(rule.startswith("consent.") for rule in rules(receipt))
    assert person.id not in told(receipt)
    assert person.patient not in told(receipt)


class Faulty:
    """A validator that stops at every resource, with participant data in its error."""

    def validate(self, resource: Resource, profiles: object = (), *, now: object = None) -> list[Issue]:
        raise RuntimeError(str(resource))


class Refusing:
    """A validator that refuses every resource."""

    def validate(self, resource: Resource, profiles: object = (), *, now: object = None) -> list[Issue]:
        return [issue("ingest.type-not-taken", expression="Observation", type="Observation")]


def test_a_bug_in_one_payload_never_stops_the_line(
    make_ingest: Callable[..., Ingest], study: Study, minute: str
) -> None:
    sender = Sender(make_ingest(validator=Faulty()), study)
    receipt = sender.send("google-health", heart_rate(minute), vendorUserId=USER)
    assert (receipt.status, rules(receipt)) == ("quarantined", ["ingest.internal"])
    assert "RuntimeError" in receipt.issues[0].message
    assert minute not in told(receipt)
    assert study.participants[0].patient not in told(receipt)


def test_a_fix_and_a_replay_store_it(
    gateway: Gateway, make_ingest: Callable[..., Ingest], study: Study, minute: str
) -> None:
    sender = Sender(make_ingest(validator=Refusing()), study)
    receipt = sender.send("google-health", heart_rate(minute), vendorUserId="gh-101-004")
    assert receipt.status == "quarantined"
    by_rule = gateway.ingest.replay(Replay(STUDY, source="google-health", rule="ingest.type-not-taken"))
    fixed = next(found for found in by_rule if found.id == receipt.id)
    assert (fixed.status, fixed.attempts) == ("stored", 2)
    assert rules(fixed) == []
    again = gateway.ingest.replay(Replay(STUDY, receipt=receipt.id))
    assert [(found.status, found.counts) for found in again] == [("stored", fixed.counts)]
    assert receipt.id not in {found.id for found in gateway.ingest.replay(Replay(STUDY, source="google-health"))}


def test_a_mapping_is_replayed_with_all_it_has_read(gateway: Gateway, sender: Sender, minute: str) -> None:
    receipt = sender.send("withings", heart_rate(minute))
    assert receipt.status == "quarantined"
    stored = sender.send("google-health", heart_rate(minute), vendorUserId=USER)
    found = gateway.ingest.replay(Replay(STUDY, mapping="wearable.google-health.heart-rate"))
    own = next(entry for entry in found if entry.id == stored.id)
    assert (own.status, own.counts.created) == ("stored", stored.counts.created)
    assert own.counts.updated == 0
    assert receipt.id not in {entry.id for entry in found}


def test_replay_of_what_does_not_exist(gateway: Gateway) -> None:
    with pytest.raises(NotFound):
        gateway.ingest.replay(Replay("other"))
    with pytest.raises(NotFound):
        gateway.ingest.replay(Replay(STUDY, receipt="none"))
    assert gateway.ingest.replay(Replay(STUDY, rule="no.such-rule")) == []


def test_what_a_dead_process_left_is_finished(
    gateway: Gateway, make_ingest: Callable[..., Ingest], sender: Sender, minute: str
) -> None:
    receipt = sender.land("google-health", heart_rate(minute), vendorUserId=USER)
    assert receipt.id not in {found.id for found in gateway.ingest.resume(STUDY)}, "it is leased to its process"

    def later() -> datetime:
        return gateway.clock() + timedelta(minutes=1)

    finished = {found.id: found for found in make_ingest(clock=later).resume(STUDY)}
    assert finished[receipt.id].status == "stored"
    assert list(make_ingest(clock=later).resume(STUDY)) == []


def test_what_must_not_be_skipped_is_waited_for(
    gateway: Gateway, make_ingest: Callable[..., Ingest], study: Study, minute: str
) -> None:
    def closed(_principal: object) -> object:
        raise Unavailable(issue("ingest.unknown-study"))

    ingest = make_ingest(doors=closed)
    receipt = Sender(ingest, study).land("google-health", heart_rate(minute), vendorUserId=USER)
    with pytest.raises(Unavailable):
        ingest.process(receipt)
    kept = gateway.store.receipt(STUDY, receipt.id)
    assert kept is not None
    assert kept.status == "received"
    assert receipt.id in {found.id for found in gateway.ingest.resume(STUDY)}


def test_a_finished_receipt_is_not_processed_twice(gateway: Gateway, sender: Sender, minute: str) -> None:
    receipt = sender.send("google-health", heart_rate(minute), vendorUserId=USER)
    assert gateway.ingest.process(receipt) is receipt


def test_an_older_report_that_comes_later_does_not_replace_a_newer_one(gateway: Gateway, sender: Sender) -> None:
    newer = laboratory(("101", "101-001"), prefix="ORDER").replace(b",412,", b",400,")
    older = laboratory(("101", "101-001"), prefix="ORDER").replace(b"2026-02-04T10:00:00Z", b"2026-02-04T09:00:00Z")
    first = sender.send("central-lab", newer)
    second = sender.send("central-lab", older)
    assert (first.status, second.status) == ("stored", "known")
    assert (second.counts.updated, rules(second)) == (0, ["ingest.superseded"])
    rows = [loads(row.body) for row in gateway.store.stream(Query("Observation"), STUDY, None)]
    found = [row for row in rows if "ORDER0" in str(row)]
    assert [str(row["valueQuantity"]["value"]) for row in found] == ["400"]
