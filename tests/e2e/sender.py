"""A process that finishes what another left, then delivers payloads; the kill test runs it and kills it.

Prints `landed NAME` once a payload is durable, which is what a sender's 2xx says, and `done` at the end.
"""

import sys

from gateway.app import Gateway, build
from gateway.cli._demo.payloads import Delivery, heart_rate_day
from gateway.ingest import Ingest, enrol
from gateway.settings import Settings
from gateway.study import Study

STUDY = "hf-dct-01"
LEASE_SECONDS = 0.3


def payloads(study: Study) -> list[Delivery]:
    return [heart_rate_day(person) for person in study.participants if person.withdrawn is None]


def ingest_of(gateway: Gateway) -> Ingest:
    """Ingest with a lease so short that a restart need not wait."""
    return Ingest(
        gateway.store,
        gateway.access.door,
        gateway.registry,
        gateway.engines.validator,
        gateway.studies,
        gateway.clock,
        lease_seconds=LEASE_SECONDS,
    )


def main(names: list[str]) -> None:
    gateway = build(Settings())
    study = gateway.studies[STUDY]
    enrol(gateway.access.door(study.principal(study.clients["registrar"])), study, gateway.engines.definitions)
    ingest = ingest_of(gateway)
    say("ready")
    for _ in ingest.resume(STUDY):
        pass
    client = study.client_of("google-health")
    assert client
    for wanted in payloads(study):
        if wanted.name in names:
            payload = ingest.payload(
                STUDY, wanted.source, wanted.body, "application/json", wanted.envelope, wanted.name
            )
            receipt = ingest.receive(payload, study.principal(client))
            say(f"landed {wanted.name}")
            ingest.process(receipt)
    say("done")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
