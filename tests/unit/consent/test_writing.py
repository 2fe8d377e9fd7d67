"""Which Consents may be stored, and what a decision tells."""

from typing import Any

import pytest

from gateway.consent import (
    check_consent,
    compile_grants,
    decide,
    is_deletion,
    is_same_or_withdrawn,
    is_withdrawal,
)
from tests.compliance.decision_table import Case, cases

CASES = {case.id: case for case in cases()}


def consent(**changes: Any) -> dict[str, Any]:
    return CASES["2"].consents[0] | changes


def withdrawal(*parts: tuple[str, str, str]) -> list[dict[str, Any]]:
    inner = [{"url": url, kind: value} for url, kind, value in parts]
    return [{"url": "urn:trial-fhir-gateway:extension:withdrawal", "extension": inner}]


MODE = ("mode", "valueCode", "no-further-use")
AT = ("at", "valueInstant", "2026-05-01T00:00:00Z")


def test_a_plain_consent_may_be_stored() -> None:
    assert check_consent(consent()) == []


def test_a_withdrawal_may_be_stored() -> None:
    assert check_consent(consent(status="inactive", extension=withdrawal(MODE, AT))) == []


@pytest.mark.parametrize("more", [(), (("legalHold", "valueString", "an inspection"),)], ids=["delete", "held"])
def test_a_deletion_may_be_stored_with_a_legal_hold_or_without(more: tuple[tuple[str, str, str], ...]) -> None:
    withdrawn = consent(status="inactive", extension=withdrawal(("mode", "valueCode", "delete"), AT, *more))
    assert check_consent(withdrawn) == []
    assert is_deletion(withdrawn) == (not more)
    assert not is_deletion(withdrawn | {"status": "active"})


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"patient": None}, "consent.patient-required"),
        ({"patient": {}}, "consent.patient-required"),
        ({"patient": {"reference": "https://elsewhere.test/Patient/P1"}}, "consent.patient-required"),
        ({"patient": {"reference": "Patient/P1/_history/2"}}, "consent.patient-required"),
        ({"patient": {"reference": "Group/P1"}}, "consent.patient-required"),
        (
            {"status": "inactive", "extension": withdrawal(MODE, AT, ("legalHold", "valueString", "an audit"))},
            "consent.withdrawal",
        ),
        ({"extension": withdrawal(MODE, AT)}, "consent.withdrawal"),
        ({"status": "inactive", "extension": withdrawal(MODE)}, "consent.withdrawal"),
        ({"status": "inactive", "extension": withdrawal(AT)}, "consent.withdrawal"),
        ({"status": "inactive", "extension": withdrawal(MODE, AT) * 2}, "consent.withdrawal"),
        ({"status": "inactive", "extension": withdrawal(("mode", "valueCode", "x"), AT)}, "consent.withdrawal"),
        ({"provision": {"provision": [{"provision": [{"provision": [{}]}]}]}}, "consent.too-deep"),
    ],
    ids=lambda found: found if isinstance(found, str) else "",
)
def test_a_consent_that_cannot_decide_is_refused(changes: dict[str, Any], rule: str) -> None:
    assert [found.rule for found in check_consent(consent(**changes))] == [rule]


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"patient": None}, "Consent.patient"),
        ({"patient": {"reference": "/"}}, "Consent.patient"),
        ({"provision": {"provision": [{"provision": [{"provision": [{}]}]}]}}, "Consent.provision"),
        ({"extension": withdrawal(MODE, AT)}, "Consent.extension"),
    ],
    ids=["patient", "nobody", "depth", "withdrawal"],
)
def test_a_refusal_names_its_place(changes: dict[str, Any], place: str) -> None:
    assert [found.expression for found in check_consent(consent(**changes))] == [place]


@pytest.mark.parametrize("leaf", ["x", 7, None])
def test_only_provisions_count_as_levels(leaf: Any) -> None:
    three = {"provision": [{"provision": [{"provision": [leaf]}]}]}
    assert check_consent(consent(provision=three)) == []
    assert check_consent(consent(provision=leaf)) == []


OURS = {"url": "urn:x", "valueCode": "kept"}
ACTIVE = consent(extension=[OURS], meta={"versionId": "1"})
WITHDRAWN = ACTIVE | {"status": "inactive", "extension": [OURS, *withdrawal(MODE, AT)], "meta": {"versionId": "2"}}


def by(mode: str) -> list[dict[str, Any]]:
    return [OURS, *withdrawal(("mode", "valueCode", mode), AT)]


@pytest.mark.parametrize(
    ("changes", "is_one", "is_any"),
    [
        ({}, True, True),
        ({"extension": by("stop-collection")}, True, True),
        ({"extension": by("delete")}, False, True),
        ({"extension": by("forget")}, False, True),
        ({"extension": [*withdrawal(MODE, AT), OURS]}, True, True),
        ({"meta": {"versionId": "9"}}, True, True),
        ({"extension": [OURS]}, False, False),
        ({"extension": withdrawal(MODE, AT)}, False, False),
        ({"extension": [OURS, OURS, *withdrawal(MODE, AT)]}, False, False),
        ({"extension": [OURS, *withdrawal(MODE, AT), *withdrawal(MODE, AT)]}, False, False),
        ({"extension": None}, False, False),
        ({"status": "active"}, False, False),
        ({"status": "entered-in-error"}, False, False),
        ({"dateTime": "2026-05-01"}, False, False),
        ({"provision": {"type": "deny"}}, False, False),
        ({"language": "en"}, False, False),
    ],
    ids=str,
)
def test_a_withdrawal_changes_nothing_else(changes: dict[str, Any], is_one: bool, is_any: bool) -> None:
    assert is_withdrawal(ACTIVE, WITHDRAWN | changes) is is_one
    assert is_same_or_withdrawn(ACTIVE, WITHDRAWN | changes) is is_any


@pytest.mark.parametrize("status", ["inactive", "draft", "proposed"])
def test_only_what_is_active_is_withdrawn(status: str) -> None:
    before = ACTIVE | {"status": status}
    assert not is_withdrawal(before, WITHDRAWN)
    assert not is_same_or_withdrawn(before, WITHDRAWN)
    assert is_same_or_withdrawn(before, before | {"meta": {"versionId": "7"}})
    assert not is_withdrawal(before, before)


def test_a_consent_without_extensions_is_withdrawn_with_one() -> None:
    plain = {name: value for name, value in ACTIVE.items() if name != "extension"}
    withdrawn = plain | {"status": "inactive", "extension": withdrawal(MODE, AT)}
    assert is_withdrawal(plain, withdrawn)
    assert is_same_or_withdrawn(plain, withdrawn)
    assert is_same_or_withdrawn(plain, plain)
    assert not is_same_or_withdrawn(plain, plain | {"extension": []})


@pytest.mark.parametrize(
    ("id", "reason", "consents"),
    [
        ("1", "consent.not-permitted", ()),
        ("2", "consent.permitted", ("Consent/c0",)),
        ("3", "consent.denied", ("Consent/c0",)),
        ("77", "consent.permitted", ("Consent/c0", "Consent/c1")),
        ("81", "consent.study-level", ()),
        ("82", "consent.no-subject", ()),
    ],
)
def test_a_decision_tells_why(id: str, reason: str, consents: tuple[str, ...]) -> None:
    case: Case = CASES[id]
    decision = decide(case.consents, case.request, case.placement, case.policy)
    assert (decision.reason, decision.consents) == (reason, consents)


def test_a_consent_with_one_permit_for_all_is_one_box() -> None:
    [grant] = compile_grants("P1", CASES["2"].consents, CASES["2"].policy)
    assert (grant.grantee, grant.domain, grant.action, grant.purpose) == ("*", "*", "*", "*")
    assert grant.consent == "Consent/c0"


def test_an_unknown_action_is_denied() -> None:
    case = CASES["2"]
    asked = type(case.request)("A", "correct", "HRESCH", case.request.now)
    assert not decide(case.consents, asked, case.placement, case.policy).permit
