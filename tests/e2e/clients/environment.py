"""Where the real clients are installed, and which ones."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / ".venv-peers" / "clients"
NODE = FOLDER / "node"

REQUIREMENTS = ("fhirclient==4.4.0", "fhirpy==2.3.1", "schemathesis==4.32.5", "smart-fetch==1.0.3")
NODE_REQUIREMENTS = ("fhirclient@2.6.3", "oidc-provider@9.13.3")
