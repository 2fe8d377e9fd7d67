"""Servers under load run in processes of their own."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs, as one process."""

    port: int
    pid: int

    def processor_seconds(self) -> float:
        """The processor time that it has taken so far, in all of its threads (Linux)."""
        times = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def serving(
    command: list[str], environment: dict[str, str], python: str = sys.executable, folder: Path | None = None
) -> Iterator[int]:
    """Runs `python COMMAND --port PORT` in a folder until the block ends; gives the port once it accepts
    connections."""
    with running(command, environment, python, folder) as served:
        yield served.port


@contextlib.contextmanager
def running(
    command: list[str], environment: dict[str, str], python: str = sys.executable, folder: Path | None = None
) -> Iterator[Served]:
    """The same, with the process."""
    port = free_port()
    process = subprocess.Popen(
        [python, *command, "--port", str(port)],
        env={**os.environ, **environment},
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(900):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
                break
            if process.poll() is not None:
                raise RuntimeError(f"{command} ended with {process.returncode} before it served")
            time.sleep(0.1)
        yield Served(port, process.pid)
    finally:
        process.terminate()
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Waits for a server that was told to end; one that is busy with what nobody waits for is killed."""
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(20)
