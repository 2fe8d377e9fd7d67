"""The official R4 examples are the same after decoding and encoding: order, texts, and the text of every number."""

import json
from pathlib import Path
from typing import Any

from gateway.core import dumps, loads
from tests.compliance.official import folder

NAME = "r4-roundtrip"


def _exact(data: bytes) -> Any:
    """The tree with keys in order and numbers as text, read by another library than the gateway's."""
    return json.loads(data, parse_float=lambda text: ("number", text), parse_int=lambda text: ("number", text),
                      object_pairs_hook=list)  # fmt: skip


def is_kept(file: Path) -> bool:
    """True when the file's content survives."""
    data = file.read_bytes()
    return bool(_exact(dumps(loads(data))) == _exact(data))


def run() -> tuple[int, int, list[str]]:
    """Every example once."""
    files = sorted(folder("r4-examples").glob("*.json"))
    misses = [file.name for file in files if not is_kept(file)]
    return len(files) - len(misses), len(files), misses
