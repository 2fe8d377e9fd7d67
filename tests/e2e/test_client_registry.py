"""The registry over HTTP: a token is refused when it is asked for and when it is used, as the registration stands."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from jose import jwt

from gateway.app import bulk_worker
from gateway.auth.registry import Action
from gateway.core.errors import Forbidden
from gateway.rest.waiting.requests import Requests, asked_of
from tests.e2e.http_gateway import BASE, STUDY, Http, serving
from tests.e2e.test_token_endpoint import ASSERTION, EC, FORM

WAY: tuple[Action, ...] = ("review", "agree", "sandbox", "promote")
NUMBERS = count()


@pytest.fixture(scope="module", params=["dev", "production"])
def http(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Http]:
    settings: dict[str, Any] = {"environment": request.param}
    if request.param == "production":
        settings |= {"base_url": "https://gateway.test", "secret": "s" * 32}
    with serving(tmp_path_factory.mktemp(request.param), **settings) as made:
        yield made


def ask(http: Http, client: str) -> Any:
    now = int(time.time())
    endpoint = f"{http.gateway.settings.public_url}/auth/token"
    claims = {"iss": client, "sub": client, "aud": endpoint, "iat": now, "exp": now + 200, "jti": f"j{next(NUMBERS)}"}
    proof = jwt.encode(claims, EC.pem, algorithm="ES384", headers={"kid": EC.kid})
    form = {"grant_type": "client_credentials", "scope": "system/Observation.rs"}
    form |= {"client_assertion_type": ASSERTION, "client_assertion": proof}
    return http.ask("POST", "/auth/token", content=urlencode(form), headers=FORM)


def step(http: Http, client: str, action: Action) -> None:
    http.gateway.clients.step(STUDY, client, action, "ben", "as planned", "DUA-1" if action == "agree" else "")


def read(http: Http, token: str) -> int:
    status: int = http.get("/Observation", client="", headers={"Authorization": f"Bearer {token}"}).status_code
    return status


def test_a_token_follows_the_registration(http: Http) -> None:
    lake = replace(http.gateway.studies[STUDY].clients["research"], id="lake", jwks=(EC.jwk,))
    http.gateway.clients.request(STUDY, lake, "ana", "a lake of data")
    old = http.gateway.issuer.issue(lake, STUDY, 600)
    let_in = {"dev": ("sandbox", "promote"), "production": ("promote",)}[http.gateway.settings.environment]
    for action in (None, *WAY, "suspend"):
        if action:
            step(http, "lake", action)
        answer = ask(http, "lake")
        if action in let_in:
            assert answer.status_code == 200
            assert read(http, answer.json()["access_token"]) == read(http, old) == 200
        else:
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
            assert read(http, old) == 401


def test_who_is_refused_is_told_no_more_than_a_stranger(http: Http) -> None:
    lake = replace(http.gateway.studies[STUDY].clients["research"], id="pond", jwks=(EC.jwk,))
    http.gateway.clients.request(STUDY, lake, "ana", "a pond of data")
    assert ask(http, "pond").json() == ask(http, "nobody").json()
    tokens = [http.gateway.issuer.issue(replace(lake, id=name), STUDY, 600) for name in ("pond", "nobody")]
    assert len({read(http, token) for token in tokens}) == 1


def test_a_suspended_client_of_the_study_file_is_refused(http: Http) -> None:
    token = http.token("ehr-app")
    assert read(http, token) == 200
    step(http, "ehr-app", "suspend")
    assert read(http, token) == 401
    for action in WAY:
        step(http, "ehr-app", action)
    assert read(http, token) == 200


def as_lake(http: Http, token: str, path: str, method: str = "GET") -> Any:
    """What `lake` is answered, where `path` is below the base or one of the gateway's own addresses."""
    headers = {"Authorization": f"Bearer {token}", "Prefer": "respond-async"}
    below = path.removeprefix(http.gateway.settings.public_url)
    return http.ask(method, below if below.startswith("/studies") else BASE + below, headers=headers)


def test_a_requested_client_may_have_work_done_until_it_is_suspended(tmp_path: Path) -> None:
    with serving(tmp_path) as http:
        lake = replace(http.gateway.studies[STUDY].clients["research"], id="lake", jwks=(EC.jwk,))
        http.gateway.clients.request(STUDY, lake, "ana", "a lake of data")
        for action in WAY:
            step(http, "lake", action)
        token = http.gateway.issuer.issue(lake, STUDY, 600)
        for path in ("/$export?_type=Observation", "/Observation"):
            started = as_lake(http, token, path)
            assert started.status_code == 202, started.text
            status = started.headers["content-location"]
            while (answer := as_lake(http, token, status)).status_code == 202:
                time.sleep(0.02)
            assert answer.status_code == 200, answer.text
        jobs = http.gateway.store.exports.jobs(STUDY)
        bulk = bulk_worker(http.gateway, lambda: None).bulk
        assert bulk.door_of(jobs[0])[0].principal.client == "lake"
        step(http, "lake", "suspend")
        with pytest.raises(Forbidden):
            bulk.door_of(jobs[0])
        assert as_lake(http, token, status).status_code == 401


def waiting_of(http: Http) -> Requests:
    gateway, store = http.gateway, http.gateway.store
    known = gateway.studies, gateway.clients.client_of, gateway.clock
    return Requests(store.requests, *known, timedelta(hours=1), threading.Event(), store.database.scrub)


def test_what_was_asked_by_a_client_of_the_study_file_ends_with_its_suspension(tmp_path: Path) -> None:
    with serving(tmp_path) as http:
        asked = as_lake(http, http.token("ehr-app"), "/Observation")
        identity = asked.headers["content-location"].rpartition("/")[2]
        step(http, "ehr-app", "suspend")
        job = http.gateway.store.requests.job(STUDY, identity)
        assert job is not None
        with pytest.raises(Forbidden):
            waiting_of(http).principal_of(asked_of(job.request))
