"""What the commands of `gateway map` see of a study: its landed payloads, through the eyes of one of its clients."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import typer

from gateway.cli.console import show_error

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.ingest.inspection import Inspection


@contextmanager
def looking(study: str, client: str) -> "Iterator[Inspection]":
    """What the client may see of the study's payloads; each look is audited. Exit 2 for unknown names."""
    from gateway.app import build
    from gateway.settings import Settings

    with closing(build(Settings())) as gateway:
        found = gateway.studies.get(study)
        if found is None or gateway.clients.client_of(study, client) is None:
            problem = f"no such study; installed: {', '.join(gateway.studies) or 'none'}"
            if found is not None:
                problem = f"say --client, through whose eyes; known: {', '.join(found.clients)}"
            show_error(problem)
            raise typer.Exit(2)
        yield inspection(gateway, study, client)


def inspection(gateway: "Gateway", study: str, client: str) -> "Inspection":
    """What the client, who is one of the study's, may see."""
    from gateway.ingest.inspection import Inspection

    found = gateway.studies[study]
    return Inspection(
        study=found,
        principal=found.principal(gateway.clients.registered(study, client)),
        landing=gateway.store,
        doors=gateway.access.door,
        registry=gateway.registry,
        parameters=gateway.engines.parameters,
        record=gateway.trail.record,
        clock=gateway.clock,
    )
