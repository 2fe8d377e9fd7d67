"""A served gateway: `gateway serve` as a process of its own, on a free port, its log in a file."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx


@dataclass(frozen=True, slots=True)
class Server:
    """Where it answers and where it logs."""

    url: str
    log: Path


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def serving(command: list[str], folder: Path, port: int, **settings: str) -> Iterator[Server]:
    """Runs `gateway COMMAND` in `folder` until the block ends; settings are environment variables."""
    log = folder / "server.log"
    environment = {**os.environ, "GATEWAY_PORT": str(port), **settings}
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", *command], cwd=folder, env=environment, stdout=file, stderr=file
        )
        try:
            _wait(url, process, log)
            yield Server(url, log)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(200):
        assert process.poll() is None, log.read_text("utf-8")
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the server does not answer")
