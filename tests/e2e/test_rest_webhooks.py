"""Webhooks over HTTP: landed when proved, refused alike when not, never half configured."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.core.event import Event
from tests.e2e.http_gateway import STUDY, Http, rule, serving

NOW = datetime.now(UTC).replace(microsecond=0)
SECRET = "a secret of the study"
BODY = b'{"status": 0, "body": {"measuregrps": []}}'
JSON = {"Content-Type": "application/json"}
HOOKS = f"/studies/{STUDY}/webhooks"


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    folder = tmp_path_factory.mktemp("webhooks")
    with serving(folder, lambda: NOW) as served:
        yield served


def configure(http: Http, source: str, **told: Any) -> Path:
    file: Path = http.gateway.settings.webhooks / STUDY / f"{source}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(0o600)
    file.write_text(json.dumps(told))
    file.chmod(0o600)
    return file


def signed(body: bytes = BODY, seconds: int = 0, secret: str = SECRET) -> dict[str, str]:
    moment = str(int(NOW.timestamp()) + seconds)
    text = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    return JSON | {"X-Signature-Timestamp": moment, "X-Signature": text}


def events(http: Http) -> list[Event]:
    http.gateway.trail.record(Event(NOW, STUDY, "E", "marker", "success", "", "", "", ""))
    return [msgspec.json.decode(row.event, type=Event) for row in http.gateway.store.rows(STUDY)]


def test_a_proved_delivery_is_landed_and_its_repetition_refused(http: Http) -> None:
    configure(http, "withings", scheme="hmac-sha256", secrets=[SECRET])
    assert http.ask("POST", f"{HOOKS}/withings", headers=signed(), content=BODY).status_code == 200
    assert [receipt.sha256 for receipt in http.gateway.store.receipts(STUDY, source="withings")] == [
        hashlib.sha256(BODY).hexdigest()
    ]
    before = len(events(http))
    again = http.ask("POST", f"{HOOKS}/withings", headers=signed(), content=BODY)
    assert (again.status_code, rule(again)) == (401, "auth.webhook")
    [event] = [event for event in events(http)[before:] if event.operation != "marker"]
    assert (event.operation, event.outcome, event.client) == ("login", "failure", "withings")
    assert len(http.gateway.store.receipts(STUDY, source="withings")) == 1
    assert http.ask("POST", f"{HOOKS}/withings", headers=signed(seconds=1), content=BODY).status_code == 200


def test_what_is_not_proved_is_refused_alike_and_on_record(http: Http) -> None:
    configure(http, "withings", scheme="hmac-sha256", secrets=[SECRET])
    count = len(http.gateway.store.receipts(STUDY))
    attempts = (
        JSON, signed(secret="another secret of some length"), signed(b"{}"), signed(seconds=-301),
        JSON | {"Authorization": f"Bearer {http.token('withings')}"},
    )  # fmt: skip
    answers = [http.ask("POST", f"{HOOKS}/withings", headers=headers, content=BODY) for headers in attempts]
    assert {(answer.status_code, answer.content) for answer in answers} == {(401, answers[0].content)}
    assert len(http.gateway.store.receipts(STUDY)) == count
    failed = [event for event in events(http) if event.operation == "login" and event.outcome == "failure"]
    assert {(event.client, event.reason) for event in failed[-5:]} == {("withings", "auth.webhook")}
    assert len(failed) >= 5


def test_a_webhook_that_is_not_there_or_half_configured_lets_nobody_in(http: Http) -> None:
    for source in ("imaging", "nonsense", "..%2fkeys"):
        assert http.ask("POST", f"{HOOKS}/{source}", headers=signed(), content=BODY).status_code == 404
    for told in (
        {"scheme": "hmac-sha256"}, {"scheme": "hmac-sha256", "secrets": ["short"]}, {"scheme": "none"}, {},
        {"scheme": "withings", "path": "0123456789abcdef"}, {"scheme": "google-health", "authorization": SECRET},
        {"scheme": "hmac-sha256", "secrets": [SECRET], "nonsense": 1},
    ):  # fmt: skip
        configure(http, "google-health", **told)
        answer = http.ask("POST", f"{HOOKS}/google-health", headers=signed(), content=BODY)
        assert (answer.status_code, rule(answer)) == (503, "auth.webhook-endpoint"), told
    configure(http, "google-health", scheme="hmac-sha256", secrets=[SECRET]).chmod(0o644)
    answer = http.ask("POST", f"{HOOKS}/google-health", headers=signed(), content=BODY)
    assert (answer.status_code, rule(answer)) == (503, "auth.keys-readable")


def test_a_hint_that_no_mapping_reads_is_on_record(http: Http) -> None:
    token = "an unguessable token"
    configure(http, "epro-redcap", scheme="redcap", path=token, networks=["127.0.0.0/8"])
    body = b"project_id=1&record=777-canary&redcap_url=http%3A%2F%2F169.254.169.254%2F"
    sent = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = http.ask("POST", f"{HOOKS}/epro-redcap/{token}", headers=sent, content=body)
    assert answer.status_code == 200, answer.text
    [event] = [event for event in events(http) if event.operation == "webhook"]
    assert event.targets == (f"sha256:{hashlib.sha256(body).hexdigest()}",)
    assert http.ask("POST", f"{HOOKS}/epro-redcap", headers=sent, content=body).status_code == 401
    assert http.ask("POST", f"{HOOKS}/epro-redcap/x", headers=sent, content=body).status_code == 401


def test_a_hint_that_comes_again_is_refused_and_is_no_success(http: Http) -> None:
    configure(http, "lab-hl7", scheme="oura", secrets=[SECRET], verification="the word")
    moment, body = str(int(NOW.timestamp())), b'{"event_type": "create"}'
    text = hmac.new(SECRET.encode(), moment.encode() + body, hashlib.sha256).hexdigest()
    headers = JSON | {"X-Oura-Timestamp": moment, "X-Oura-Signature": text.upper()}
    before = len(events(http))
    answers = [http.ask("POST", f"{HOOKS}/lab-hl7", headers=headers, content=body).status_code for _ in range(3)]
    assert answers == [200, 401, 401]
    told = [(event.operation, event.outcome) for event in events(http)[before:] if event.operation != "marker"]
    assert told == [("webhook", "success"), ("login", "failure"), ("login", "failure")]


TWICE = [("X-Signature", "0" * 64), ("X-Signature-Timestamp", "1"), ("X-Signature", "")]


@pytest.mark.parametrize("other", TWICE)
@pytest.mark.parametrize("is_last", [False, True])
def test_a_proof_comes_once(http: Http, other: tuple[str, str], is_last: bool) -> None:
    """What stands in front of the gateway may have looked at the other one."""
    configure(http, "imaging", scheme="hmac-sha256", secrets=[SECRET])
    body = b'[{"00020": {}}]'
    right = list(signed(body, seconds=7).items())
    pairs = [*right, other] if is_last else [other, *right]
    sent = partial(http.client.request, "POST", f"{HOOKS}/imaging", headers=pairs, content=body)
    assert http.portal.call(sent).status_code == 401
    configure(http, "imaging", scheme="garmin", path=SECRET, expected="our client")
    pairs = [("Garmin-Client-Id", name) for name in (("x", "our client") if is_last else ("our client", "x"))]
    sent = partial(
        http.client.request, "POST", f"{HOOKS}/imaging/{SECRET}", headers=[*pairs, *JSON.items()], content=body
    )
    assert http.portal.call(sent).status_code == 401


def test_handshakes(http: Http) -> None:
    configure(http, "central-lab", scheme="oura", secrets=[SECRET], verification="the word")
    asked = f"{HOOKS}/central-lab?verification_token=the+word&challenge=abc"
    assert http.ask("GET", asked).json() == {"challenge": "abc"}
    assert http.ask("GET", asked.replace("word", "world")).status_code == 401
    token = "an unguessable token"
    configure(http, "withings", scheme="withings", path=token, networks=["127.0.0.1"])
    assert http.ask("HEAD", f"{HOOKS}/withings/{token}").status_code == 200
    assert http.ask("HEAD", f"{HOOKS}/withings/x").status_code == 404
    configure(http, "withings", scheme="withings", path=token, networks=["192.0.2.0/24"])
    assert http.ask("HEAD", f"{HOOKS}/withings/{token}").status_code == 404


def test_a_wrong_handshake_is_on_record(http: Http) -> None:
    token = "an unguessable token"
    attempts = [
        (
            "central-lab",
            {"scheme": "oura", "secrets": [SECRET], "verification": "the word"},
            "GET",
            "?verification_token=x",
        ),
        ("withings", {"scheme": "withings", "path": token, "networks": ["127.0.0.1"]}, "HEAD", "/x"),
        ("imaging", {"scheme": "fitbit", "secrets": [SECRET], "verification": "the word"}, "GET", "?verify=x"),
    ]
    for source, told, method, rest in attempts:
        configure(http, source, **told)
        before = len(events(http))
        assert http.ask(method, f"{HOOKS}/{source}{rest}").status_code in (401, 404)
        [event] = [event for event in events(http)[before:] if event.operation != "marker"]
        assert (event.operation, event.outcome, event.client) == ("login", "failure", source)


def test_a_body_has_its_limit(http: Http) -> None:
    configure(http, "withings", scheme="hmac-sha256", secrets=[SECRET])
    body = b" " * 1_000_001
    assert http.ask("POST", f"{HOOKS}/withings", headers=signed(body), content=body).status_code == 413


def test_a_suspended_source_is_refused_like_a_stranger(http: Http) -> None:
    configure(http, "withings", scheme="hmac-sha256", secrets=[SECRET])
    clients, stranger = http.gateway.clients, signed(secret="another secret of some length")
    told = http.ask("POST", f"{HOOKS}/withings", headers=stranger, content=BODY)
    clients.step(STUDY, "withings", "suspend", "ana", "a key was lost")
    answer = http.ask("POST", f"{HOOKS}/withings", headers=signed(seconds=7), content=BODY)
    assert (answer.status_code, answer.content) == (401, told.content)
    for action in ("review", "agree", "sandbox", "promote"):
        clients.step(STUDY, "withings", action, "ben", "a new key", "contract 1" if action == "agree" else "")
    assert http.ask("POST", f"{HOOKS}/withings", headers=signed(seconds=7), content=BODY).status_code == 200
