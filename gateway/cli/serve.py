"""`gateway serve`: the HTTP application under uvicorn, in one process or several on one database."""

import os
import socket
import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from gateway.settings import Settings

SWITCH_SECONDS: Final = 0.0005
"""How soon a thread gives way: a search lets go of the interpreter at each row, and would wait 5 ms for it."""


def register(root: typer.Typer) -> None:
    """Adds the command `serve`."""
    root.command(
        "serve",
        help="Serve the FHIR base, the delivery address and the receipts of every installed study.",
        epilog="Example: gateway serve --port 8000 --workers 2",
    )(serve)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; GATEWAY_HOST otherwise.", show_default=False)] = "",
    port: Annotated[int, typer.Option(help="Port to listen on; GATEWAY_PORT otherwise.", show_default=False)] = 0,
    workers: Annotated[
        int, typer.Option(help="How many processes; GATEWAY_WORKERS otherwise.", show_default=False)
    ] = 0,
) -> None:
    """Serves until it is told to stop; requests under way are finished first."""
    import uvicorn

    from gateway.cli.console import show_error
    from gateway.core import logs
    from gateway.settings import Settings

    given = {"GATEWAY_HOST": host, "GATEWAY_PORT": str(port or ""), "GATEWAY_WORKERS": str(workers or "")}
    os.environ.update({name: value for name, value in given.items() if value})
    settings = Settings()
    logs.configure(settings.log_level)
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        _try_address(settings.host, settings.port)
    except OSError as error:
        show_error(f"{settings.host} port {settings.port}: {error.strerror}; choose another by --host and --port")
        raise typer.Exit(2) from None
    show_error(f"serving {settings.public_url}; stop with Ctrl-C")
    uvicorn.run("gateway.cli.serve:application", factory=True, **server_options(settings))


def server_options(settings: "Settings") -> dict[str, Any]:
    """How uvicorn is to serve by these settings."""
    from gateway.cli._serve.connection import Connection, Patience

    return {
        "http": partial(Connection, patience=Patience(settings.max_head_bytes, settings.client_seconds)),
        "host": settings.host,
        "port": settings.port,
        "workers": settings.workers,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "date_header": True,
        "timeout_graceful_shutdown": 20,
        # Always said: else uvicorn believes every process of this machine, and an environment variable of its own.
        "proxy_headers": bool(settings.proxies),
        "forwarded_allow_ips": list(settings.proxies),
    }


def _try_address(host: str, port: int) -> None:
    """Listens for a moment, so that an address that is taken is told in words; raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    socket.create_server((host, port), family=family).close()


def application() -> "ASGIApp":
    """The HTTP application of the environment's settings, as the server of each process runs it."""
    from gateway.app import create_app
    from gateway.rest import served

    return served(create_app())
