"""The preconditions in the headers of a write: which version must be there, or must not.

See https://hl7.org/fhir/R4/http.html#concurrency and https://www.rfc-editor.org/rfc/rfc9110#section-13.1.
"""

import re
from dataclasses import dataclass

from starlette.requests import Request

from gateway.core.errors import BadRequest, PreconditionFailed
from gateway.core.issues import issue
from gateway.rest.messages.headers import header
from gateway.rest.writing.steps import ATTEMPTS

_VERSION = re.compile(r'(?:W/)?"([1-9][0-9]{0,8})"\Z')
_TAGS = re.compile(r'(?:W/)?"[!#-~]*"(?:[ \t]*,[ \t]*(?:W/)?"[!#-~]*")*\Z')
_TAG = re.compile(r'"[!#-~]*"')


def if_match(text: str | None) -> int | None:
    """The version in an If-Match; None without one. Raises `BadRequest`."""
    if text is None:
        return None
    found = _VERSION.match(text.strip())
    if not found:
        raise BadRequest(issue("rest.if-match"))
    return int(found[1])


def only_new(text: str | None) -> bool:
    """Whether an If-None-Match asks for a write of what is not there yet; raises `BadRequest` for a version."""
    if text is None:
        return False
    if text.strip() != "*":
        raise BadRequest(issue("rest.if-none-match"))
    return True


@dataclass(frozen=True, slots=True)
class NoneMatch:
    """What an If-None-Match of a PATCH or DELETE says must not be there: any version, or those of the ETags."""

    tags: frozenset[str] = frozenset()
    is_any: bool = False

    def __bool__(self) -> bool:
        return self.is_any or bool(self.tags)

    def require(self, kind: str, version: int) -> None:
        """Raises `PreconditionFailed` where the current version, 0 for none, is one of them."""
        if version and (self.is_any or f'"{version}"' in self.tags):
            raise PreconditionFailed(issue("store.version-conflict", type=kind))


def if_none_match(request: Request) -> NoneMatch:
    """The If-None-Match of a request that changes or deletes; raises `BadRequest` for what holds no ETags.

    See https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2; FHIR's own use of it is a PUT of what is not there yet.
    """
    text = (header(request, b"if-none-match") or "").strip()
    if text in ("", "*"):
        return NoneMatch(is_any=bool(text))
    if not _TAGS.match(text):
        raise BadRequest(issue("rest.if-none-match"))
    return NoneMatch(frozenset(_TAG.findall(text)))


@dataclass(frozen=True, slots=True)
class Preconditions:
    """Of a PATCH or DELETE: the version that must be there, None where any may, and what must not be there."""

    version: int | None
    unless: NoneMatch

    @property
    def attempts(self) -> int:
        """How often the write is tried while others write; once where the client says what it saw."""
        return ATTEMPTS if self.version is None and not self.unless else 1


def preconditions_of(request: Request) -> Preconditions:
    """What the headers of a PATCH or DELETE ask for; raises `BadRequest`."""
    return Preconditions(if_match(header(request, b"if-match")), if_none_match(request))
