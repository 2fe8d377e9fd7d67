"""Processes that begin warm: the gateway is imported and its pure parts are made before they are told what to do.

A process of ours waits in that state and forks; to start a hundred times from nothing is a tenth of all tests.
What a fork does is what `python -m` does: arguments, folder, environment, files, exit status and signals are its own.
That a command starts from nothing is told by tests of the command line, of the demo and of the canaries.
"""

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[1]
MAX_BYTES = 180_000
"""More than arguments and environment take, less than a socket takes at once."""


class Process:
    """One that was begun; as `subprocess.Popen`, so far as tests need it."""

    def __init__(self, control: socket.socket, stdout: IO[str] | None) -> None:
        self._control = control
        self.stdout = stdout
        self.returncode: int | None = None
        self.pid = int(control.recv(100))

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, negative for a signal; raises TimeoutError."""
        if self.returncode is None:
            self._control.settimeout(timeout)
            self.returncode = int(self._control.recv(100))
            self._control.close()
        return self.returncode

    def poll(self) -> int | None:
        """The exit status, None while it runs."""
        try:
            return self.wait(0)
        except BlockingIOError:
            return None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(
    module: str,
    *arguments: str,
    cwd: Path = ROOT,
    environment: Mapping[str, str],
    stdout: IO[bytes] | None = None,
    stderr: IO[bytes] | None = None,
) -> Process:
    """Runs a module as `python -m` does; without `stdout` the process has one to be read from."""
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    reading, writing = (None, os.dup(stdout.fileno())) if stdout else os.pipe()
    told = json.dumps({"module": module, "arguments": arguments, "cwd": str(cwd), "environment": dict(environment)})
    assert len(told) < MAX_BYTES
    errors = stderr.fileno() if stderr else 2
    socket.send_fds(_template(), [told.encode()], [writing, errors, theirs.fileno()])
    theirs.close()
    os.close(writing)
    return Process(control, None if reading is None else os.fdopen(reading, encoding="utf-8"))


def run(
    module: str, *arguments: str, cwd: Path = ROOT, environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """What became of a module that was run to its end, with all that it wrote."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = start(module, *arguments, cwd=cwd, environment=environment, stdout=out, stderr=err)
        status = process.wait()
        texts = [(file.seek(0), file.read().decode())[1] for file in (out, err)]
    return subprocess.CompletedProcess([module, *arguments], status, *texts)


@cache
def _template() -> socket.socket:
    """The channel to the process that forks; it ends when this one does."""
    channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.warm", str(theirs.fileno())]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    theirs.close()
    atexit.register(_end, channel, process)
    return channel


def _end(channel: socket.socket, process: "subprocess.Popen[bytes]") -> None:
    channel.close()
    process.wait()


def _serve(channel: socket.socket) -> str:
    """Forks for each request; in the fork it answers the module that is to be run."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        told, files, _flags, _address = socket.recv_fds(channel, MAX_BYTES, 3)
        if not told:
            os._exit(0)
        if not os.fork():
            channel.close()
            return _begun(json.loads(told), files)
        for file in files:
            os.close(file)


def _begun(told: dict[str, object], files: list[int]) -> str:
    """In a process of its own, as it was asked for; another waits beside it and tells of its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    out, errors, control_file = files
    control = socket.socket(fileno=control_file)
    child = os.fork()
    if child:
        os.close(out)
        control.send(str(child).encode())
        _, status = os.waitpid(child, 0)
        control.send(str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    control.close()
    os.dup2(out, 1)
    os.dup2(errors, 2)
    os.close(out)
    os.close(errors)
    os.chdir(str(told["cwd"]))
    os.environ.clear()
    os.environ.update(told["environment"])  # type: ignore[call-overload]
    tempfile.tempdir = None
    sys.argv = ["-m", *told["arguments"]]  # type: ignore[misc]
    return str(told["module"])


def _warm() -> None:
    """Makes what gateways of the same files share, and leaves neither a thread nor an open file."""
    from gateway.app import build
    from gateway.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        build(Settings(data_dir=Path(folder))).close()
    assert threading.active_count() == 1
    gc.collect()
    gc.freeze()  # forks share what no collection touches


def main(file: int) -> None:
    from tests.made_once import made_once

    with made_once():
        _warm()
        runpy.run_module(_serve(socket.socket(fileno=file)), run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
