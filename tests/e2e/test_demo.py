"""`gateway demo` shows the whole path from nothing, twice, and what it prints works as printed."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Demo
from tests.e2e.server import ask, serving


@pytest.fixture
def printed(demo: Demo) -> str:
    return demo.printed


def test_it_tells_of_every_source_and_why_something_is_in_quarantine(printed: str) -> None:
    for source in ("Google Health", "Withings", "HL7", "Central laboratory", "DICOMweb", "REDCap", "ODM"):
        assert source in printed
    assert re.search(r"consent\.[a-z-]+:", printed)
    assert re.search(r"mapping\.[a-z-]+:", printed)
    rows = [line for line in printed.splitlines() if "Google Health heart rate" in line]
    counts = [int(number) for number in re.findall(r"│\s+(\d+) ", rows[0])]
    payloads, records, mapped, stored, known, quarantined = counts
    assert payloads > 10
    assert stored > 1000
    assert known > 100
    assert quarantined > 0
    assert mapped == stored + known
    assert records > 0


def test_it_explains_one_value(printed: str) -> None:
    assert re.search(r"Observation/[0-9a-f]{32}\.valueQuantity\.value", printed)
    assert re.search(r"mapping\.yaml:\d+:\d+", printed)
    assert "/beatsPerMinute" in printed


def test_it_shows_three_readers_and_an_export(printed: str, demo: Demo) -> None:
    folder = demo.folder
    row = next(line for line in printed.splitlines() if line.strip("│ ").startswith("participants"))
    seen = [int(number) for number in re.findall(r"(\d+) of \d+", row)]
    assert len(seen) == 3
    assert seen[2] == seen[1] - 1
    manifest = json.loads((folder / "var/demo/export/manifest.json").read_text("utf-8"))
    assert {entry["type"] for entry in manifest["output"]} >= {"Observation", "QuestionnaireResponse"}
    for entry in manifest["output"]:
        lines = (folder / "var/demo/export" / entry["url"]).read_text("utf-8").splitlines()
        assert len(lines) == entry["count"]
        assert all(json.loads(line)["resourceType"] == entry["type"] for line in lines)


def test_the_printed_request_works(printed: str, demo: Demo) -> None:
    token_file, url = re.search(r'curl -H "Authorization: Bearer \$\(cat (\S+)\)" \\\s+"(\S+)"', printed).groups()  # type: ignore[union-attr]
    token = (demo.folder / token_file).read_text("utf-8")
    with serving(["demo", "--serve-only"], demo.folder, demo.port, is_cold=True):
        assert ask("GET", url).status_code == 401
        answer = ask("GET", url, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200
        bundle = answer.json()
        assert bundle["resourceType"] == "Bundle"
        assert len(bundle["entry"]) == 2
        linked = next(link["url"] for link in bundle["link"] if link["relation"] == "next")
        more = ask("GET", linked, headers={"Authorization": f"Bearer {token}"}).json()
        assert {entry["resource"]["id"] for entry in more["entry"]}.isdisjoint(
            entry["resource"]["id"] for entry in bundle["entry"]
        )


def test_serving_needs_a_demo(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "gateway", "demo", "--serve-only"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert result.returncode == 2
    assert "gateway demo" in result.stderr
