"""Exceptions for access, conflict and refusal; each carries the issues that tell why.

Faults of data are `Issue` values, not exceptions. One place (`gateway.rest.messages.problems`) turns these into HTTP.
"""

from collections.abc import Iterable
from typing import ClassVar

from gateway.core.issues import Issue


class FhirError(Exception):
    """A refusal with its issues; `status` is the HTTP status of its kind."""

    status: ClassVar[int] = 500

    def __init__(self, *issues: Issue) -> None:
        super().__init__("; ".join(found.rule for found in issues))
        self.issues: tuple[Issue, ...] = issues

    @classmethod
    def of(cls, issues: Iterable[Issue]) -> "FhirError":
        """The same error from any iterable of issues."""
        return cls(*issues)


class BadRequest(FhirError):
    """The request cannot be understood (400)."""

    status = 400


class Unauthorized(FhirError):
    """No valid token came with the request (401)."""

    status = 401


class Forbidden(FhirError):
    """The principal may not do this to this type (403); instances are `NotFound` instead."""

    status = 403


class NotFound(FhirError):
    """There is no such thing, or this reader may not know of it (404)."""

    status = 404


class MethodNotAllowed(FhirError):
    """The interaction is not offered (405)."""

    status = 405


class NotAcceptable(FhirError):
    """No representation that the client accepts is offered (406)."""

    status = 406


class RequestTimeout(FhirError):
    """The client began a request and did not end it in time (408)."""

    status = 408


class Conflict(FhirError):
    """The state of the resource does not allow the write (409)."""

    status = 409


class Gone(FhirError):
    """The resource was deleted (410)."""

    status = 410


class PreconditionFailed(FhirError):
    """A condition of the request, such as If-Match, does not hold (412)."""

    status = 412


class PayloadTooLarge(FhirError):
    """The body is larger than the gateway takes (413)."""

    status = 413


class UnsupportedMediaType(FhirError):
    """The body's media type is not taken (415)."""

    status = 415


class Unprocessable(FhirError):
    """The content is understood and breaks a rule (422)."""

    status = 422


class TooManyRequests(FhirError):
    """The client sends more than its share (429)."""

    status = 429
    seconds = 5
    """After how many seconds to ask again."""


class HeadTooLarge(FhirError):
    """The request line and headers are larger than the gateway takes (431)."""

    status = 431


class Unavailable(FhirError):
    """A part that must not be skipped (audit, keys, database) is not there (503)."""

    status = 503
