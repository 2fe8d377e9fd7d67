"""Answers: stored bytes go out as they are, with their version; bundles are spliced."""

from datetime import UTC, datetime

import pytest
from starlette.requests import Request

from gateway.core.codec import loads
from gateway.core.resources import Key, Stored
from gateway.rest.messages.answers import indented, version_response
from gateway.rest.messages.bundles import searchset

UPDATED = datetime(2026, 6, 29, 22, 0, 5, 700_000, tzinfo=UTC)


def stored(number: int = 3, body: bytes = b'{"resourceType":"Observation","id":"1"}') -> Stored:
    return Stored(Key("hf-dct-01", "Observation", "1"), number, UPDATED, False, body)


def request(**headers: str) -> Request:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "headers": pairs, "query_string": b""})


def test_a_version_is_served_byte_for_byte_with_etag_and_date() -> None:
    body = b'{"resourceType":"Observation","valueQuantity":{"value":1.50}}'
    answer = version_response(request(), stored(body=body), pretty=False)
    assert answer.body == body
    assert dict(answer.headers) == {
        b"content-length": str(len(body)).encode(),
        b"content-type": b"application/fhir+json",
        b"etag": b'W/"3"',
        b"last-modified": b"Mon, 29 Jun 2026 22:00:05 GMT",
    }


def test_indenting_keeps_the_text_of_numbers() -> None:
    assert indented(b'{"a":1.50,"b":[1e3]}') == b'{\n  "a": 1.50,\n  "b": [\n    1e3\n  ]\n}'


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if_none_match": 'W/"3"'}, 304),
        ({"if_none_match": '"3"'}, 304),
        ({"if_none_match": 'W/"2", W/"3"'}, 304),
        ({"if_none_match": 'W/"2"'}, 200),
        ({"if_none_match": "nonsense"}, 200),
        ({"if_modified_since": "Mon, 29 Jun 2026 22:00:05 GMT"}, 304),
        ({"if_modified_since": "Mon, 29 Jun 2026 22:00:04 GMT"}, 200),
        ({"if_modified_since": "yesterday"}, 200),
        ({"if_none_match": 'W/"2"', "if_modified_since": "Tue, 30 Jun 2026 22:00:05 GMT"}, 200),
    ],
)
def test_a_client_that_has_the_version_gets_304(headers: dict[str, str], status: int) -> None:
    answer = version_response(request(**headers), stored(), pretty=False)
    assert answer.status_code == status
    assert (answer.body == b"") == (status == 304)


def test_a_searchset_is_the_stored_bytes_between_commas() -> None:
    text = searchset("https://g/fhir", [stored(), stored(body=b'{"v":1.50}')], {"self": "https://g/s?a=b&c"}, 2)
    assert b'"resource":{"v":1.50}' in text
    tree = loads(text)
    assert tree["total"] == 2
    assert tree["link"] == [{"relation": "self", "url": "https://g/s?a=b&c"}]
    assert [entry["fullUrl"] for entry in tree["entry"]] == ["https://g/fhir/Observation/1"] * 2
    assert tree["entry"][0]["search"] == {"mode": "match"}


def test_an_empty_searchset_has_no_entry_and_no_total_unless_told() -> None:
    assert loads(searchset("https://g/fhir", [], {"self": "https://g"}, None)) == {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [{"relation": "self", "url": "https://g"}],
    }
