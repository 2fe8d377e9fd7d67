"""Launching an app as a browser and an app would: the page, the choice, the code, the tokens."""

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from gateway.core.assets import asset_root
from tests.e2e.http_gateway import BASE, STUDY, Http

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
REDIRECT = "http://localhost:9000/back"
SECRET = "the secret of a confidential app"
VERIFIER = "v" * 43
SCOPES = (
    "openid fhirUser launch/patient offline_access patient/*.rs user/Practitioner.rs system/Observation.rs "
    "patient/Observation.rs?category=vital-signs"
)


def challenge(verifier: str = VERIFIER) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def with_clients(overlay: Path, clients: Mapping[str, Mapping[str, Any]]) -> Path:
    """The demo study with more clients, each beside those of the data manager's organisation and purpose."""
    folder = overlay / "profiles" / "studies" / STUDY
    shutil.copytree(Path(str(asset_root("profiles"))) / "studies" / STUDY, folder)
    text = (folder / "study.yaml").read_text()
    line = next(line for line in text.splitlines() if line.strip().startswith("data-manager: {organisation"))
    added = ""
    for name, row in clients.items():
        extra = ", ".join(f"{key}: {json.dumps(value)}" for key, value in row.items())
        own = line.replace("data-manager:", f"{name}:", 1)
        own = re.sub(r", scopes: \[[^\]]*\]", "", own) if "scopes" in row else own
        added += "\n" + own.replace("{organisation", f"{{{extra}, organisation", 1)
    (folder / "study.yaml").write_text(text.replace(line, line + added))
    return overlay


def apps() -> dict[str, dict[str, Any]]:
    common = {"redirect_uris": [REDIRECT], "scopes": SCOPES.split(" ")}
    secret = hashlib.sha256(SECRET.encode()).hexdigest()
    return {"app": common, "server-app": common | {"secret_sha256": secret}, "other-app": common}


def asked(http: Http, **changes: str | None) -> dict[str, str]:
    given: dict[str, str | None] = {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": REDIRECT,
        "scope": "openid fhirUser launch/patient offline_access patient/*.rs",
        "state": "s1",
        "aud": http.gateway.settings.public_url + BASE,
        "code_challenge": challenge(),
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (given | changes).items() if value is not None}


def page(http: Http, **changes: str | None) -> Any:
    return http.ask("GET", f"/auth/authorize?{urlencode(asked(http, **changes))}")


def ticket(answer: Any) -> str:
    found = re.search(r'name="ticket" value="([^"]+)"', answer.text)
    assert found, answer.text
    return found[1]


def decide(http: Http, **fields: str) -> Any:
    return http.ask("POST", "/auth/authorize", content=urlencode(fields), headers=FORM)


def returned(answer: Any) -> dict[str, str]:
    """What the app is told in its redirect address."""
    assert answer.status_code == 303, answer.text
    address = urlsplit(answer.headers["location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == REDIRECT
    return dict(parse_qsl(address.query))


def code(http: Http, patient: str = "", **changes: str | None) -> str:
    chosen = patient or http.participant("all").patient
    answer = decide(http, ticket=ticket(page(http, **changes)), patient=chosen, decision="allow")
    told = returned(answer)
    assert told["state"] == "s1"
    return told["code"]


def exchange(http: Http, code: str, headers: Mapping[str, str] = {}, **changes: str | None) -> Any:
    given: dict[str, str | None] = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT,
        "client_id": "app",
        "code_verifier": VERIFIER,
    }
    fields = {name: value for name, value in (given | changes).items() if value is not None}
    return http.ask("POST", "/auth/token", content=urlencode(fields), headers=FORM | dict(headers))


def refresh(http: Http, token: str, **changes: str) -> Any:
    fields = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "app"} | changes
    return http.ask("POST", "/auth/token", content=urlencode(fields), headers=FORM)


def basic(identity: str = "server-app", secret: str = SECRET) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{identity}:{secret.replace(' ', '+')}".encode()).decode()}
