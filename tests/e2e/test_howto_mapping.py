"""The page that tells how to write a mapping is followed: its files are written, its commands are run."""

import json
import os
import re
import shlex
from pathlib import Path

from tests import warm

PAGE = warm.ROOT / "docs" / "howto" / "write-a-mapping.md"
BLOCK = re.compile(r"^```\w+ ?(\S*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def test_who_follows_the_page_gets_a_mapping_that_runs(tmp_path: Path) -> None:
    told: dict[str, str] = {}
    for name, text in BLOCK.findall(PAGE.read_text("utf-8")):
        if name:
            (tmp_path / name).write_text(text, "utf-8")
        else:
            told |= {line: _run(line, tmp_path) for line in text.splitlines()}
    lines = {line.split()[2]: text for line, text in told.items()}
    assert [*lines] == ["new", "lint", "test", "run", "explain", "coverage", "docs"]
    assert lines["lint"] == "acme/weight: 0 findings\n"
    assert lines["test"] == "1/1 tests passed\n"
    made = [json.loads(line) for line in lines["run"].splitlines()]
    assert [one["resourceType"] for one in made] == ["Device", "Observation", "Observation", "Observation"]
    assert "/weights/1/kg" in lines["explain"]
    assert lines["coverage"] == "0 fields never read, 0 rules never fired\n"
    assert "valueQuantity" in lines["docs"]


def _run(line: str, folder: Path) -> str:
    """What a command of the page writes to stdout, in the folder of its reader."""
    program, *arguments = shlex.split(line.partition(" > ")[0])
    result = warm.run(program, *arguments, cwd=folder, environment={**os.environ, "GATEWAY_DATA_DIR": str(folder)})
    assert result.returncode == 0, (line, result.stdout, result.stderr)
    return result.stdout
