"""`python -m tests.e2e.clients` installs the real clients into an environment of their own (`make clients`)."""

import shutil
import subprocess
import sys
import venv

from tests.e2e.clients.environment import FOLDER, NODE, NODE_REQUIREMENTS, REQUIREMENTS


def main() -> None:
    venv.create(FOLDER, with_pip=True)
    subprocess.run([FOLDER / "bin" / "python", "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
    npm = shutil.which("npm")
    if npm is None:
        sys.stderr.write("no npm here: fhirclient.js and oidc-provider are left out\n")
        return
    NODE.mkdir(exist_ok=True)
    options = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", NODE]
    subprocess.run([npm, "install", *options, *NODE_REQUIREMENTS], check=True)


if __name__ == "__main__":
    main()
