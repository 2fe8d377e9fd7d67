"""The table of a run, behind what a person wrote."""

from pathlib import Path

from tests.mutants.mutating import mutants
from tests.mutants.page import HEAD, MARK, PAGE, write
from tests.mutants.running import Tried


def test_the_table_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    survivor = next(mutants("LIMIT = 3\n"))
    page = tmp_path / "mutants.md"
    page.write_text(f"words\n\n{MARK}the table before")
    wanted = {
        "consent": ["gateway.consent.a", "gateway.consent.b", "gateway.consent.c"],
        "auth.x": ["gateway.auth.x"],
    }
    found = {
        "gateway.consent.a": Tried(4),
        "gateway.consent.b": Tried(4, 0, [survivor]),
        "gateway.auth.x": Tried(3, 0, [survivor]),
    }
    for _ in range(2):
        write(wanted, found, page)
    table = [
        "| consent.a | 4 | 4 | 100.0% |",
        "| consent.b | 3 | 4 | 75.0% |",
        "| **consent** | 7 | 8 | 87.5% |",
        "| **auth.x** | 2 | 3 | 66.7% |",
    ]
    assert page.read_text() == f"words\n\n{MARK}\n{HEAD}" + "".join(f"{row}\n" for row in table)


def test_the_page_has_the_mark_once() -> None:
    assert PAGE.read_text("utf-8").count(MARK) == 1
