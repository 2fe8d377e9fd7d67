"""Through whose eyes a command reads: a client of the study that may be used here now."""

from typing import TYPE_CHECKING

import typer

from gateway.cli.console import show_error

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.study import Client, Study


def reader_of(gateway: "Gateway", study: str, client: str) -> "tuple[Study, Client]":
    """The study and the client, of the study file or registered; exits with 2 for unknown ones, and for a client that
    is suspended or not let in yet."""
    found = gateway.studies.get(study)
    reader = gateway.clients.client_of(study, client) if found else None
    if found is None or reader is None:
        known = [one.id for one in gateway.clients.all(study)] if found else []
        usable = ", ".join(one for one in known if gateway.clients.client_of(study, one))
        show_error(f"no such client; known: {usable}" if found else "no such study")
        raise typer.Exit(2)
    return found, reader
