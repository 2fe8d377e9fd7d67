"""The report: its numbers are those of the store, and nothing in it is more than text."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from gateway.cli.main import build
from gateway.export.report import Gathered, gather, write_report
from gateway.export.report.charts import bins

STUDY = "hf-dct-01"


def observation(person, day, value, name="Heart rate"):
    return {
        "resourceType": "Observation",
        "subject": {"reference": f"Patient/{person}"},
        "code": {"coding": [{"code": "8867-4", "display": name}]},
        "effectiveDateTime": f"{day}T10:00:00Z",
        "valueQuantity": {"value": value, "unit": "/min"},
    }


def test_days_and_numbers_are_counted():
    gathered = Gathered()
    for day, value in (("2026-02-01", 60), ("2026-02-01", 61), ("2026-02-02", 62)):
        gathered.add(observation("a", day, value))
    gathered.add({"resourceType": "Device"})
    pressure = {"code": {"text": "Systolic"}, "valueQuantity": {"value": 120, "code": "mm[Hg]"}}
    gathered.add(observation("b", "2026-02-01", 1) | {"component": [pressure]})
    stream = gathered.streams["Heart rate"]
    assert (gathered.types, gathered.participants) == ({"Observation": 4, "Device": 1}, ["a", "b"])
    assert (stream.resources["a"], len(stream.days["a"]), list(stream.values["/min"])) == (3, 2, [60, 61, 62, 1])
    assert list(gathered.streams["Systolic"].values["mm[Hg]"]) == [120]


def test_a_number_that_cannot_be_drawn_is_left_out():
    gathered = Gathered()
    for value in (Decimal("1e400"), Decimal("-1e308"), 3):
        gathered.add(observation("a", "2026-02-01", value))
    assert list(gathered.streams["Heart rate"].values["/min"]) == [3]


@given(st.lists(st.floats(-1e9, 1e9), min_size=1))
def test_every_number_is_in_one_bin(values):
    low, high, counts = bins(values)
    assert (sum(counts), low, high) == (len(values), min(values), max(values))


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))


def test_text_of_resources_stays_text(tmp_path):
    evil = "<script>alert(1)</script><img src=http://evil.example onerror=x>\"'"
    gathered = Gathered()
    gathered.add(observation(evil, "2026-02-01", 1, evil))
    write_report(tmp_path / "r.html", evil, evil, datetime(2026, 2, 1, tzinfo=UTC), [], gathered, {})
    tags = Tags()
    tags.feed((tmp_path / "r.html").read_text())
    assert not {"script", "img", "link", "iframe"} & {tag for tag, _ in tags.seen}
    assert not {"src", "href", "onerror"} & {name for _, given in tags.seen for name in given}
    assert (tmp_path / "r.html").stat().st_mode & 0o077 == 0


def test_the_command_tells_what_the_door_gives(filled, tmp_path, monkeypatch):
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(filled.settings.data_dir))
    out = tmp_path / "report.html"
    command = ["report", "--study", STUDY, "--client", "research", "--out", str(out)]
    result = CliRunner().invoke(build(), command)
    assert result.exit_code == 0, result.output
    study = filled.studies[STUDY]
    door = filled.access.door(study.principal(study.clients["research"]))
    seen = gather(door, sorted(study.profiles))
    page = out.read_text()
    assert seen.types["Observation"] > 0
    leave = seen.types["Observation"]
    assert re.search(rf"<tr><th>Observation</th><td>\w+</td><td>{leave}</td><td>0</td></tr>", page)
    assert set(re.findall(r"<tr><th>([^<]+)</th><td title", page)) == set(seen.participants)
    assert 0 < len(seen.participants) < len(study.participants)
    assert "google-health" in page
    assert CliRunner().invoke(build(), [*command[:4], "nobody", *command[5:]]).exit_code == 2
