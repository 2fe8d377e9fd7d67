"""`python -m tests.e2e.clients` installs the real clients into an environment of their own (`make clients`)."""

import subprocess
import venv

from tests.e2e.clients.environment import FOLDER, REQUIREMENTS


def main() -> None:
    venv.create(FOLDER, with_pip=True)
    subprocess.run([FOLDER / "bin" / "python", "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)


if __name__ == "__main__":
    main()
