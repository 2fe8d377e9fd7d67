"""Negotiation: JSON in every spelling, 406 for the rest, unknown parameters refused."""

import pytest
from starlette.requests import Request

from gateway.core.errors import BadRequest, NotAcceptable
from gateway.rest.messages.negotiation import negotiate


def request(accept: str | None, query: str = "") -> Request:
    headers = [] if accept is None else [(b"accept", accept.encode())]
    return Request({"type": "http", "headers": headers, "query_string": query.encode()})


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "",
        "*/*",
        "application/json",
        "application/fhir+json",
        "application/fhir+json; fhirVersion=4.0",
        "application/fhir+xml, application/fhir+json;q=0.5",
        "text/html,application/xhtml+xml,*/*;q=0.8",
        "Application/FHIR+JSON",
        "application/json;q=0, application/fhir+json",
        "*/*;q=0, application/json",
        "application/fhir+json; fhirVersion=3.0, application/*",
    ],
)
def test_json_is_served(accept: str | None) -> None:
    assert negotiate(request(accept)) is False


@pytest.mark.parametrize(
    "accept",
    [
        "application/fhir+xml",
        "text/turtle",
        "text/html",
        "application/json;q=0",
        "application/fhir+json;q=x",
        "application/fhir+json;q=0, */*",
        "application/*;q=0, */*;q=0.5",
        ",",
        "application/fhir+json; fhirVersion=5.0",
    ],
)
def test_anything_else_is_not_acceptable(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        negotiate(request(accept))


def test_format_overrides_accept() -> None:
    assert negotiate(request("application/fhir+xml", "_format=json")) is False
    with pytest.raises(NotAcceptable):
        negotiate(request("application/json", "_format=xml"))
    assert negotiate(request(None, "_format=application/fhir%2Bjson")) is False
    assert negotiate(request(None, "_format=application/fhir+json")) is False


def test_pretty_is_true_or_false() -> None:
    assert negotiate(request(None, "_pretty=true")) is True
    with pytest.raises(BadRequest) as caught:
        negotiate(request(None, "_pretty=maybe"))
    assert caught.value.issues[0].rule == "rest.parameter-value"


def test_an_unknown_parameter_is_refused_without_its_name_or_value() -> None:
    with pytest.raises(BadRequest) as caught:
        negotiate(request(None, "name=Canary"))
    assert caught.value.issues[0].rule == "rest.parameter"
    assert "Canary" not in str(caught.value.issues)
