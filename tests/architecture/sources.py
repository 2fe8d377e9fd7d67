"""The files that the architecture tests read."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def tracked(*suffixes: str) -> list[Path]:
    """The files of the project that git tracks, or all below the root outside a checkout, by suffix."""
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = listing.stdout.splitlines() if listing.returncode == 0 else []
    paths = [ROOT / name for name in names] or [path for path in ROOT.rglob("*") if ".venv" not in path.parts]
    return [path for path in paths if path.suffix in suffixes and path.is_file()]


def product_sources() -> list[Path]:
    """The Python files of the product."""
    return sorted((ROOT / "gateway").rglob("*.py"))
