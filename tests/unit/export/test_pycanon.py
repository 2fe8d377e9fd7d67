"""k and distinct l of a flat file are those that pycanon computes, which has an environment of its own."""

import csv
import json
import random
import subprocess
from pathlib import Path

import pytest

from gateway.export.aggregates import anonymity
from tests.peers import python_of

ROUNDS = 40
MEASURE = """
import json, sys
import pandas
from pycanon import anonymity

found = []
for one in json.load(sys.stdin):
    frame = pandas.read_csv(one["file"], dtype=str, keep_default_na=False)
    k = int(anonymity.k_anonymity(frame, one["quasi"]))
    found.append([k, [int(anonymity.l_diversity(frame, one["quasi"], [name])) for name in one["sensitive"]]])
print(json.dumps(found))
"""


def test_the_numbers_are_those_of_pycanon(tmp_path: Path) -> None:
    python = python_of("pycanon")
    if not python.exists():
        pytest.skip("pycanon is not in .venv-peers; `python -m tests.peers pycanon` installs it")
    chance = random.Random(20261122)
    asked = []
    for number in range(ROUNDS):
        columns = ["sex", "born", "site", "arm", "outcome"]
        rows = [
            [
                chance.choice(["m", "f"]),
                str(1950 + chance.randint(0, 3)),
                chance.choice("abc"),
                *chance.choices("xyz", k=2),
            ]
            for _ in range(chance.randint(1, 60))
        ]
        file = tmp_path / f"{number}.csv"
        with file.open("w", newline="") as written:
            csv.writer(written).writerows([columns, *rows])
        quasi = chance.sample(columns[:3], chance.randint(1, 3))
        asked.append({"file": str(file), "quasi": quasi, "sensitive": ["arm", "outcome"]})
    done = subprocess.run(
        [str(python), "-W", "ignore", "-c", MEASURE],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = json.loads(done.stdout.splitlines()[-1])
    ours = []
    for one in asked:
        found = anonymity(Path(str(one["file"])), list(one["quasi"]), list(one["sensitive"]))
        ours.append([found.k, [found.l[name] for name in one["sensitive"]]])
    assert ours == theirs
    assert len({k for k, _ in ours}) > 3
