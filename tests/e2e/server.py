"""A served gateway: `gateway serve` as a process of its own, on a free port, its log in a file."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests import warm

PATIENCE_SECONDS = 60
PORTS = range(20_000, 32_000)
"""Below those that a system gives to connections which it opens."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where it answers and where it logs."""

    url: str
    log: Path


def free_port() -> int:
    """A port that nobody listens on, and that no connection is given before somebody does."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def ask(method: str, url: str, **options: Any) -> httpx.Response:
    """The answer over plain HTTP; to read the certificates of the machine takes longer than most answers."""
    return httpx.request(method, url, verify=False, **options)


@contextmanager
def serving(
    command: list[str], folder: Path, port: int, *, is_cold: bool = False, **settings: str
) -> Iterator[Server]:
    """Runs `gateway COMMAND` in `folder` until the block ends; settings are environment variables.

    `is_cold`: from nothing, as on a machine; else it begins warm.
    """
    log = folder / "server.log"
    environment = {**os.environ, "GATEWAY_PORT": str(port), **settings}
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as file:
        process: subprocess.Popen[bytes] | warm.Process
        if is_cold:
            process = subprocess.Popen(
                [sys.executable, "-m", "gateway", *command], cwd=folder, env=environment, stdout=file, stderr=file
            )
        else:
            process = warm.start("gateway", *command, cwd=folder, environment=environment, stdout=file, stderr=file)
        try:
            _wait(url, process, log)
            yield Server(url, log)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(url: str, process: "subprocess.Popen[bytes] | warm.Process", log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text("utf-8")
        try:
            if ask("GET", f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError("the server does not answer")
