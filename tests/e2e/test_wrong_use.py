"""A tired data manager: wrong folders and names are told in words, with no traceback."""

import os
from pathlib import Path

import pytest

from tests import warm

STUDY = ("--study", "hf-dct-01")
EXPORT = ("export", *STUDY, "--client", "research", "--out")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("wrong-use")
    (found / "file").write_text("x", "utf-8")
    (found / "damaged").mkdir()
    (found / "damaged" / "manifest.json").write_text('{"output": "x"}', "utf-8")
    return found


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((*EXPORT, "file"), 2, "file: File exists"),
        ((*EXPORT, "damaged"), 1, "export.foreign-file"),
        ((*EXPORT, "out", "--type", "Observation, Observations"), 2, "R4 has no resource type Observations"),
        (("replay", *STUDY, "--source", "nobody"), 2, "ingest.unknown-source"),
        (("replay", *STUDY, "--rule", "mapping.subject-unkown"), 2, "no such rule"),
        (("replay", *STUDY, "--mapping", "wearable.nobody.steps"), 2, "mapping.unknown-mapping"),
    ],
)
def test_wrong_use_is_told(folder: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    environment = {**os.environ, "GATEWAY_DATA_DIR": str(folder / "var")}
    result = warm.run("gateway", *arguments, cwd=folder, environment=environment)
    assert result.returncode == code, result.stderr
    assert told in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    assert "stopped by" not in result.stderr
