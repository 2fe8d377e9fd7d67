"""The wheel holds what the checkout holds: the package, its type marker and all assets."""

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.architecture.sources import ROOT


def test_the_wheel_holds_package_and_assets(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("trial_fhir_gateway-*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    listing = subprocess.run(["git", "ls-files", "gateway", "mappings", "profiles", "terminology"], cwd=ROOT,
                             capture_output=True, text=True, check=True)  # fmt: skip
    for name in listing.stdout.splitlines():
        inside = name if name.startswith("gateway/") else f"gateway/_assets/{name}"
        assert inside in packed
