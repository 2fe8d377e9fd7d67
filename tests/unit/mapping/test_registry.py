"""A registry of some mappings: the others are neither compiled nor in the way."""

from pathlib import Path

import pytest

from gateway.core.assets import asset_root
from gateway.core.errors import NotFound, Unprocessable
from gateway.definitions import r4
from gateway.mapping import MappingRegistry

WANTED = "lab.central-lab.results-csv"


def test_only_what_is_named_is_loaded(tmp_path: Path) -> None:
    broken = tmp_path / "vendor" / "broken" / "mapping.yaml"
    broken.parent.mkdir(parents=True)
    broken.write_text("mapping: vendor.broken  # of nobody's study\nversion: none\n")
    registry = MappingRegistry.load((asset_root("mappings"), tmp_path), r4(), only=[WANTED])
    assert [mapping.id for mapping in registry.all()] == [WANTED]
    with pytest.raises(NotFound):
        registry.get("vendor.broken")
    with pytest.raises(Unprocessable):
        MappingRegistry.load((tmp_path,), r4(), only=["vendor.broken"])


def test_a_file_whose_id_is_not_in_a_plain_line_is_read_whole(tmp_path: Path) -> None:
    folder = tmp_path / "vendor" / "odd"
    folder.mkdir(parents=True)
    (folder / "mapping.yaml").write_text('{"mapping": "vendor.odd", "version": "none"}\n')
    with pytest.raises(Unprocessable):
        MappingRegistry.load((tmp_path,), r4(), only=["vendor.other"])
