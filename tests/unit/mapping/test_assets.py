"""Every file that a mapping is made of is named with the hash of its content, and a change of any is told."""

import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.core.assets import asset_root
from gateway.definitions import r4
from gateway.mapping.assets import Asset
from gateway.mapping.language.load import Surroundings
from gateway.mapping.registry import read_mapping

FOLDER = "apple-health/export"


def read(folder: Path) -> tuple[Asset, ...]:
    mapping, issues = read_mapping(folder, FOLDER, Surroundings(r4(), None, (asset_root("terminology"),)))
    assert mapping is not None, issues
    return mapping.assets


def test_the_files_of_a_mapping() -> None:
    folder = Path(str(asset_root("mappings"))) / FOLDER
    found = {asset.name: asset.sha256 for asset in read(folder)}
    units = "terminology/conceptmaps/ConceptMap-apple-health-units.json"
    assert list(found) == ["mapping.yaml", "payload.schema.json", "types.csv", units]
    for name in ("mapping.yaml", "payload.schema.json", "types.csv"):
        assert found[name] == sha256((folder / name).read_bytes()).hexdigest()
    assert found[units] == sha256((folder.parents[2] / units).read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["mapping.yaml", "payload.schema.json", "types.csv"])
def test_a_changed_file_has_another_hash(name: str, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(Path(str(asset_root("mappings"))) / FOLDER, tmp_path / "work"))
    before = {asset.name: asset.sha256 for asset in read(copy)}
    text = (copy / name).read_text("utf-8")
    row = f"x{',' * text.partition(chr(10))[0].count(',')}\n" if name.endswith("csv") else "\n"
    (copy / name).write_text(text + row, "utf-8")
    after = {asset.name: asset.sha256 for asset in read(copy)}
    assert {key for key in before if before[key] != after[key]} == {name}
