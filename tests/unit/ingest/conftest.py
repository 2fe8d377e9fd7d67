"""A whole gateway on SQLite in a temporary folder, with the demo study enrolled."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

import pytest

from gateway.app import Gateway, build
from gateway.core.codec import dumps
from gateway.core.receipt import Receipt
from gateway.ingest import Ingest, enrol
from gateway.settings import Settings
from gateway.study import Study

STUDY = "hf-dct-01"


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    built = build(Settings(data_dir=Path(tmp_path_factory.mktemp("gateway"))))
    study = built.studies[STUDY]
    enrol(built.access.door(study.principal(study.clients["registrar"])), study, built.engines.definitions)
    yield built
    built.close()


@pytest.fixture(scope="session")
def study(gateway: Gateway) -> Study:
    return gateway.studies[STUDY]


@pytest.fixture
def minute(request: pytest.FixtureRequest) -> str:
    """A minute of time that no other test measures in."""
    digest = blake2b(request.node.nodeid.encode(), digest_size=8).digest()
    number = int.from_bytes(digest, "big") % (24 * 60 * 300 * 9)
    day, rest = divmod(number, 24 * 60)
    return f"{2020 + day // 280:04d}-{day % 280 // 28 + 1:02d}-{day % 28 + 1:02d}T{rest // 60:02d}:{rest % 60:02d}"


def heart_rate(minute: str, beats: int = 70, count: int = 2) -> bytes:
    """A Google Health payload of `count` samples, a second apart."""
    points = [
        {
            "heartRate": {
                "sampleTime": {"physicalTime": f"{minute}:{second:02d}Z", "utcOffset": "0s"},
                "beatsPerMinute": str(beats),
            },
            "dataSource": {"device": {"displayName": "Charge 6"}},
        }
        for second in range(count)
    ]
    return dumps({"dataPoints": points})


def laboratory(*rows: tuple[str, str], prefix: str = "P") -> bytes:
    """A central laboratory's file: one result of the participant at the site, for each row."""
    header = (
        "STUDYID,SITEID,SUBJID,VISIT,ACCSNNUM,LBSPEC,LBDTC,LBTESTCD,LBTEST,LBORRES,LBORRESU,LBORNRLO,LBORNRHI,"
        "LBNRIND,RECSTAT,RPTDTC,LBREASND"
    )
    lines = [
        f"HFDCT01,{site},{person},SCR,{prefix}{index},SERUM,2026-02-03T08:15,NTPROBNP,NT-proBNP,412,pg/mL,0,125,"
        f"HIGH,F,2026-02-04T10:00:00Z,"
        for index, (site, person) in enumerate(rows)
    ]
    return "\r\n".join([header, *lines, ""]).encode()


@dataclass
class Sender:
    """Delivers payloads as the client of each source."""

    ingest: Ingest
    study: Study
    receipts: list[Receipt] = field(default_factory=list)

    def land(self, source: str, body: bytes, **envelope: str) -> Receipt:
        """Lands a payload; `person` is the subject number of a wearable's user."""
        client = self.study.client_of(source)
        assert client
        media_type = self.ingest.media_types(self.study.id, source)[0]
        payload = self.ingest.payload(self.study.id, source, body, media_type, envelope)
        return self.ingest.receive(payload, self.study.principal(client))

    def send(self, source: str, body: bytes, **envelope: str) -> Receipt:
        """Lands and processes a payload."""
        return self.ingest.process(self.land(source, body, **envelope))


@pytest.fixture
def sender(gateway: Gateway, study: Study) -> Sender:
    return Sender(gateway.ingest, study)


@pytest.fixture
def make_ingest(gateway: Gateway) -> Callable[..., Ingest]:
    """Another Ingest on the same store, with parts exchanged."""

    def make(clock: Callable[[], datetime] | None = None, **parts: object) -> Ingest:
        own = {"doors": gateway.access.door, "validator": gateway.engines.validator, "studies": gateway.studies}
        given = {**own, **parts}
        return Ingest(
            gateway.store,
            given["doors"],  # type: ignore[arg-type]
            gateway.registry,
            given["validator"],  # type: ignore[arg-type]
            given["studies"],  # type: ignore[arg-type]
            clock or gateway.clock,
        )

    return make
