"""Hostile clients get the right refusal, and nothing of what is hidden or was planted."""

from collections.abc import Iterator

import pytest

from tests.e2e import threats
from tests.e2e.http_gateway import Http, serving


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("threats")) as served:
        threats.prepare(served)
        yield served


def test_every_attack_gets_its_refusal(http: Http) -> None:
    faults = [found for attack in threats.attacks(http) if (found := threats.fault(http, attack))]
    assert faults == []


def test_the_attacks_changed_nothing(http: Http) -> None:
    assert http.get("/Observation/seen").headers["etag"] == 'W/"1"'
    assert http.get("/Observation?_total=accurate").json()["total"] == 1
