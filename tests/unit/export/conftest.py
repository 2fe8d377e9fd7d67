"""The gateway of the ingest tests, with a few heart rates in it."""

import pytest

from gateway.app import Gateway
from gateway.study import Study
from tests.unit.ingest.conftest import Sender, gateway, heart_rate, study

__all__ = ["filled", "gateway", "study"]

MINUTE = "2026-02-01T10:00"


@pytest.fixture(scope="session")
def filled(gateway: Gateway, study: Study) -> Gateway:
    """Ten samples of each participant who lets them in."""
    sender = Sender(gateway.ingest, study)
    for person in study.participants:
        user = person.identities["urn:google:health:user"]
        sender.send("google-health", heart_rate(MINUTE, count=10), vendorUserId=user)
    return gateway
