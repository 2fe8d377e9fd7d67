"""Bad input over HTTP: every parameter with hostile values, long lists and chains, paths with tricks, huge Bundles.

Whatever is asked, the answer is a result or a refusal with an OperationOutcome: no fault of the server.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gateway.access import Page
from gateway.core import dumps
from gateway.core.errors import FhirError
from gateway.search import parse
from tests.e2e import server
from tests.e2e.http_gateway import BASE, REGISTRAR, STUDY, Http, observation, serving

JSON = {"Content-Type": "application/fhir+json"}
HOSTILE = (
    "'", '"', "' OR 1=1 --", "%", "_", "*", "\\",
    "\\,", ",", "$", "|", "||", "\x00", "\x01", "\ufffd", "\u202e", "\U0001d518", "null",
    "-", "ge", "9" * 400, "1e999", "0000-00-00", "9999-12-31T23:59:60Z", "../../etc/passwd", "${jndi:x}", "x" * 5_000,
    "Patient/", "/Patient/1", "http://", "a|b|c|d", "1|http://unitsofmeasure.org|[", "$".join("1" * 50),
)  # fmt: skip
MODIFIERS = (
    "",
    ":missing",
    ":exact",
    ":contains",
    ":not",
    ":text",
    ":in",
    ":above",
    ":of-type",
    ":identifier",
    ":Patient",
    ":x'",
)


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("hostile"), max_body_bytes=300_000, bundle_limit=50) as served:
        person = served.participant("all").patient
        assert served.put(observation("target", person)).status_code == 201
        yield served


def is_told(answer: Any) -> bool:
    """Whether the answer is a result, or a refusal with its outcome."""
    if answer.status_code < 400:
        return True
    return answer.status_code < 500 and answer.json()["resourceType"] == "OperationOutcome"


def test_every_parameter_of_every_type_takes_or_refuses_hostile_values(http: Http) -> None:
    parameters, store = http.gateway.engines.parameters, http.gateway.store
    values, modifiers = cycle(HOSTILE), cycle(MODIFIERS)
    asked = refused = 0
    for type in sorted(http.gateway.engines.definitions.types()):
        for code in parameters.of(type):
            asked += 1
            try:
                query = parse(type, [(code + next(modifiers), next(values))], parameters)
                store.search(query, STUDY, None, Page(1))
            except FhirError as error:
                assert 400 <= error.status < 500, (type, code)
                refused += 1
    assert asked > 1_000
    assert 0 < refused < asked


def test_hostile_values_over_http(http: Http) -> None:
    names = (
        "code", "date", "value-quantity", "patient", "_id", "_sort", "_include", "_has:Observation:patient:code",
        "_text", "_count", "_elements", "_summary", "_total", "_cursor", "_type", "_list", "identifier:of-type",
    )  # fmt: skip
    for name in names:
        for value in HOSTILE:
            answer = http.get(f"/Observation?{quote(name)}={quote(value)}")
            assert is_told(answer), (name, value, answer.text)


@pytest.mark.parametrize("name", ["code", "patient", "_id", "date", "value-quantity", "status:not", "_type"])
def test_ten_thousand_values_are_refused(http: Http, name: str) -> None:
    form = f"{quote(name)}=" + ",".join(f"2{number}" for number in range(10_000))
    sent = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = http.ask("POST", f"{BASE}/Observation/_search", "ehr-app", content=form, headers=sent)
    assert answer.status_code == 400, answer.text
    assert is_told(answer)
    long = http.ask("POST", f"{BASE}/Observation/_search", "ehr-app", content=form * 10, headers=sent)
    assert long.status_code == 413


def test_a_thousand_chains_are_refused(http: Http) -> None:
    for name in (
        "patient" + ".link" * 1_000,
        "subject:Patient." + "general-practitioner:Practitioner." * 1_000 + "name",
        "_has:Observation:patient:" * 1_000 + "code",
    ):
        answer = http.get(f"/Observation?{quote(name)}=x")
        assert answer.status_code in (400, 414), answer.text
        assert is_told(answer)
    many = "&".join(f"subject:Patient.name=x{number}" for number in range(1_000))
    assert http.get(f"/Observation?{many}").status_code == 400
    includes = "&".join(f"_include=Observation:subject:Type{number}" for number in range(150))
    assert http.get(f"/Observation?{includes}").status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/Observation/..%2f..%2fPatient", "/Observation/%2e%2e", "/Observation/%00", "/Observation/a%2fb",
        "/Observation/target%20", "/Observation/target%0a", "/Observation/target/",
        "/Observation/target/_history/1e0",
        "/Observation/target/_history/99999999999999999999", "/Observation/target%3f_x=1",
        "//Observation/target", "/Observation//target", "/%4fbservation/%74arget%", "/Observation/" + "a" * 10_000,
        "/Observation/tärget", "/Observation/target;x=1", "/$everything", "/Observation/$", "/Observation/$nonsense",
        "/Patient/target/Nonsense", "/Nonsense/target/Observation", "/_history/_history", "/metadata/x",
    ],
)  # fmt: skip
def test_paths_with_tricks_lead_nowhere(http: Http, path: str) -> None:
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "POST"):
        answer = http.ask(method, BASE + path, "ehr-app", content=b"{}", headers=JSON)
        assert 400 <= answer.status_code < 500, (method, path, answer.status_code)
    assert http.get("/Observation/target").headers["etag"] == 'W/"1"'


def test_limits_are_settings(tmp_path: Path) -> None:
    with serving(tmp_path, search_parameters=2, search_values=3, search_depth=1, search_includes=1) as strict:
        for query in (
            "code=1&date=2026&status=final", "code=1,2,3,4", "subject:Patient.general-practitioner.identifier=x",
            "_include=*", "_include=Observation:subject&_include=Observation:device",
        ):  # fmt: skip
            answer = strict.get(f"/Observation?{query}")
            assert answer.status_code == 400, query
            assert is_told(answer)
        for query in (
            "code=1&date=2026",
            "code=1,2,3",
            "subject:Patient.identifier=x",
            "_include=Observation:subject",
        ):
            assert strict.get(f"/Observation?{query}").status_code == 200, query


def test_huge_and_crooked_bundles_are_refused(http: Http) -> None:
    def posted(content: bytes) -> Any:
        return http.ask("POST", BASE, REGISTRAR, content=content, headers=JSON)

    entry = {"request": {"method": "GET", "url": "Observation/target"}}
    many = {"resourceType": "Bundle", "type": "batch", "entry": [entry] * 51}
    assert posted(dumps(many)).status_code == 413
    assert posted(b" " * 300_001).status_code == 413
    deep = b'{"resourceType":"Bundle","type":"transaction","entry":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert posted(deep).status_code == 400
    self_made = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"request": {"method": "POST", "url": ""}, "resource": many}],
    }
    assert [one["response"]["status"] for one in posted(dumps(self_made)).json()["entry"]] == ["400"]
    assert posted(dumps(self_made | {"type": "transaction"})).status_code == 400
    for crooked in (b"", b"null", b"[]", b'"x"', b"{", b"\xff\xfe", b'{"resourceType":"Bundle"}', b'{"a":1,"a":2}'):
        answer = posted(crooked)
        assert answer.status_code == 400, crooked
        assert is_told(answer)
    empty = {"resourceType": "Observation"}
    puts = [{"request": {"method": "PUT", "url": f"Observation/{'z' * size}"}, "resource": empty} for size in (0, 65)]
    wide = {"resourceType": "Bundle", "type": "transaction", "entry": puts}
    assert posted(dumps(wide)).status_code == 400


def test_clients_that_hang_or_close_keep_nobody_waiting(tmp_path: Path) -> None:
    port = server.free_port()
    head = f"POST {BASE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Type: application/fhir+json\r\n"
    begun = (
        b"",
        b"GET / HT",
        head.encode(),
        (head + "Content-Length: 1000\r\n\r\n{").encode(),
        (head + "Transfer-Encoding: chunked\r\n\r\n5\r\n{").encode(),
        f"GET {BASE}/metadata HTTP/1.1\r\nHost: x\r\n\r\n".encode(),  # asks, and never reads the answer
    )
    with server.serving(["serve"], tmp_path, port, GATEWAY_DATA_DIR=str(tmp_path / "data")) as served:
        with ExitStack() as held:
            for text in begun * 8:
                hanging = held.enter_context(socket.create_connection(("127.0.0.1", port)))
                hanging.sendall(text)
            for text in begun * 8:
                with socket.create_connection(("127.0.0.1", port)) as closing:
                    closing.sendall(text)
            for _ in range(20):
                assert server.ask("GET", f"{served.url}/healthz", timeout=30).status_code == 200
        assert server.ask("GET", f"{served.url}{BASE}/metadata", timeout=30).status_code == 200
        log = served.log.read_text("utf-8")
    assert "Traceback" not in log
    assert "request failed" not in log
