"""Damaged payloads of every source end in a receipt; none meets an error that nobody foresaw."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.app import Gateway
from gateway.cli._demo.payloads import Delivery, deliveries
from gateway.core.assets import asset_roots
from gateway.study import Study
from tests.unit.ingest.conftest import Sender

SNIPPETS = st.sampled_from(
    [b"", b"null", b"{}", b"[]", b'""', b"-1", b"1e999", b"NaN", b"\x00", b"\xff", b"|", b"^", b"\r", b"\n", b",",
     b"<", b"&amp;", b"9999-99-99", b'{"a":', b"0" * 50, "\U0001d7d9".encode()]
)  # fmt: skip


@pytest.fixture(scope="module")
def samples(study: Study) -> list[Delivery]:
    """The examples beside the mappings, good and bad."""
    return [found for found in deliveries(study, asset_roots("mappings")) if "/" in found.name and found.body]


def damaged(body: bytes, start: int, length: int, snippet: bytes) -> bytes:
    start %= len(body) + 1
    return body[:start] + snippet + body[start + length :]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_damage(gateway: Gateway, study: Study, samples: list[Delivery], data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(samples))
    body = sample.body
    for _ in range(data.draw(st.integers(1, 3))):
        length = data.draw(st.sampled_from([0, 1, 3, 20, 10_000]))
        body = damaged(body, data.draw(st.integers(0, len(body))), length, data.draw(SNIPPETS))
    receipt = Sender(gateway.ingest, study).send(sample.source, body, **sample.envelope)
    if receipt.duplicate_of:  # what failed once fails again: a body that was sent before is judged as it was then
        before = gateway.store.receipt(study.id, receipt.duplicate_of)
        assert before
        receipt = before
    assert receipt.status in ("stored", "known", "partial", "quarantined")
    assert "ingest.internal" not in {found.rule for found in receipt.issues}, (sample.source, sample.name, body)
    if receipt.status in ("partial", "quarantined"):
        assert any(found.blocks for found in receipt.issues)
