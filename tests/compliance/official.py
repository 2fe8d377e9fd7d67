"""Where the official test data are; nothing of them is copied into the project."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def folder(name: str) -> Path:
    """The folder of a suite's data; raises FileNotFoundError, saying how to give it, where it is missing."""
    root = Path(os.environ.get("GATEWAY_CONFORMANCE_DIR", CHECKOUT.parent / "shared" / "conformance"))
    found = root / name
    if not found.is_dir():
        raise FileNotFoundError(f"no {name} data; set GATEWAY_CONFORMANCE_DIR")
    return found
