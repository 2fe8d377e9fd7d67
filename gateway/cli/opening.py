"""The gateway as a command opens it, for studies that it knows."""

import traceback
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from gateway.app import Gateway


@contextmanager
def opened(*studies: str) -> "Iterator[Gateway]":
    """The gateway of the environment's settings, closed at the end.

    Raises:
        typer.BadParameter: a study is not installed.
    """
    from gateway.app import build
    from gateway.settings import Settings

    with closing(build(Settings())) as gateway:
        known_studies(gateway, studies)
        yield gateway


@contextmanager
def reading() -> "Iterator[None]":
    """Within the gateway: ends what a run that breaks off was reading, so that how much of it left is on record.

    The places where it broke off would keep their readings open until the audit trail is closed.
    """
    try:
        yield
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)
        raise


def known_studies(gateway: "Gateway", studies: Sequence[str]) -> None:
    """Refuses studies that are not installed, with typer.BadParameter."""
    if not set(studies) <= set(gateway.studies):
        raise typer.BadParameter(f"no such study; known: {', '.join(sorted(gateway.studies))}")
