"""Large files come in parts: the same resources as whole, once; a broken one is refused before anything is landed."""

from pathlib import Path

import pytest

from gateway.app import Gateway
from gateway.core.errors import BadRequest, PayloadTooLarge
from gateway.core.receipt import Receipt
from gateway.ingest import files
from gateway.study import Study
from tests.unit.ingest.conftest import laboratory


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "WHOLE_BYTES", 1000)
    monkeypatch.setattr(files, "PART_BYTES", 500)


@pytest.fixture
def table(tmp_path: Path, minute: str) -> Path:
    path = tmp_path / "results.csv"
    path.write_bytes(laboratory(*[("101", "101-001")] * 30, prefix=f"F{minute}-"))
    return path


def bring(gateway: Gateway, study: Study, path: Path, source: str = "central-lab") -> list[tuple[Receipt, int]]:
    return list(gateway.ingest.bring(study.id, source, path, {}, study.principal_of(source)))


def test_a_large_file_is_landed_in_parts_that_are_all_of_it(gateway: Gateway, study: Study, table: Path) -> None:
    brought = bring(gateway, study, table)
    receipts = [receipt for receipt, _ in brought]
    assert len(receipts) > 3
    assert {receipt.status for receipt in receipts} == {"stored"}
    assert sum(receipt.counts.records for receipt in receipts) == 30
    assert sum(receipt.counts.created for receipt in receipts) == 60
    assert brought[-1][1] == table.stat().st_size
    assert [done for _, done in brought] == sorted(done for _, done in brought)
    assert receipts[1].name.startswith("results.csv part 2 from record ")
    again = [receipt for receipt, _ in bring(gateway, study, table)]
    assert {receipt.status for receipt in again} == {"known"}


def test_a_small_file_is_one_payload(gateway: Gateway, study: Study, tmp_path: Path, minute: str) -> None:
    path = tmp_path / "results.csv"
    path.write_bytes(laboratory(("101", "101-001"), prefix=minute))
    assert [(one.name, done) for one, done in bring(gateway, study, path)] == [("results.csv", path.stat().st_size)]


def test_a_large_file_that_is_cut_off_is_refused_before_a_part_of_it_is_stored(
    gateway: Gateway, study: Study, table: Path
) -> None:
    table.write_bytes(table.read_bytes()[:-5])
    with pytest.raises(BadRequest) as refused:
        bring(gateway, study, table)
    assert refused.value.issues[0].rule == "format.csv-unfinished"
    table.write_bytes(table.read_bytes() + b'\r\n"')
    with pytest.raises(BadRequest):
        bring(gateway, study, table)


def test_a_file_that_cannot_be_cut_is_whole_up_to_a_limit(
    gateway: Gateway, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "big.json"
    path.write_bytes(b" " * 2000)
    [(receipt, _)] = bring(gateway, study, path, "google-health")
    assert receipt.status == "quarantined"
    monkeypatch.setattr(files, "MAX_BYTES", 1500)
    with pytest.raises(PayloadTooLarge):
        bring(gateway, study, path, "google-health")
