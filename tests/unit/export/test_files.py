"""Files of exports are whole or not there, whoever else writes them, and nothing of a broken one is left."""

import errno
import os
import random
import subprocess
import sys
import threading
from hashlib import sha256

import pytest

from gateway.export.files import remove_left, whole_file

KILLED = """
import os, signal, sys
from pathlib import Path
from gateway.export.files import whole_file
with whole_file(Path(sys.argv[1])) as part:
    part.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_file_takes_its_place_when_it_is_whole(tmp_path):
    path = tmp_path / "a [1]*.csv"
    path.write_bytes(b"before")
    with whole_file(path) as part:
        part.write_bytes(b"after")
        assert path.read_bytes() == b"before"
        assert part.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes() == b"after"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt(), GeneratorExit()])
def test_nothing_is_left_of_a_file_that_fails(tmp_path, error):
    path = tmp_path / "a.csv"
    path.write_bytes(b"before")

    def fail():
        with whole_file(path) as part:
            part.write_bytes(b"half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_goes_with_the_next(tmp_path):
    path = tmp_path / "a.csv"
    for _ in range(2):
        assert subprocess.run([sys.executable, "-c", KILLED, path], check=False).returncode < 0
        (left,) = tmp_path.iterdir()
        assert left.read_bytes() == b"half"
    other = tmp_path / "b.csv.x.part"
    other.write_bytes(b"of another file")
    with whole_file(path) as part:
        part.write_bytes(b"whole")
    assert sorted(tmp_path.iterdir()) == [path, other]
    remove_left(other)
    remove_left(other)
    assert list(tmp_path.iterdir()) == [path]


def test_who_writes_at_the_same_time_does_not_mix(tmp_path):
    path, together, failed = tmp_path / "a.csv", threading.Barrier(4), []
    allowed = {sha256(bytes([number]) * 50_000).hexdigest() for number in range(4)}

    def write(number):
        chance = random.Random(number)
        together.wait()
        for _ in range(25):
            with whole_file(path) as part, part.open("wb") as file:
                for _ in range(50):
                    file.write(bytes([number]) * 1_000)
                    if chance.random() < 0.1:
                        file.flush()
                        os.sched_yield()
            if sha256(path.read_bytes()).hexdigest() not in allowed:
                failed.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert list(tmp_path.iterdir()) == [path]
