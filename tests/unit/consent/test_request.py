"""What a client of a study asks of the Consents, and what the study adds to them."""

from dataclasses import replace

import pytest

from gateway.consent import ConsentPolicy, ConsentRequest
from gateway.core.assets import asset_roots
from gateway.core.resources import RETAIN
from gateway.study import Studies, Study


@pytest.fixture(scope="module")
def study() -> Study:
    return Studies.load(asset_roots("profiles"))["hf-dct-01"]


@pytest.mark.parametrize(
    ("client", "action", "asked"),
    [
        ("data-manager", "access", "access"),
        ("data-manager", "disclose", "disclose"),
        ("retention-auditor", "access", RETAIN),
        ("retention-auditor", "disclose", ""),
        ("retention-auditor", "collect", ""),
    ],
)
def test_who_sees_what_is_retained_asks_to_read_it_alone(study: Study, client: str, action: str, asked: str) -> None:
    known = study.clients[client]
    made = ConsentRequest.of(study, known, action, 7)
    assert made == ConsentRequest(known.organisation, asked, known.purpose, 7)


@pytest.mark.parametrize(("after", "retains"), [("no-further-use", False), ("retain", True)])
def test_a_study_says_what_becomes_of_an_ended_period(study: Study, after: str, *, retains: bool) -> None:
    changed = replace(study, consent=replace(study.consent, after_expiry=after))
    assert ConsentPolicy.of(changed).retains_expired is retains
    assert not ConsentPolicy(frozenset(), ConsentPolicy.of(study).zone).retains_expired
