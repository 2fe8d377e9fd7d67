"""What a caller asks to be written."""

import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from gateway.access.journal import Action
from gateway.access.placing.outline import Outline
from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.core.resources import Key
from gateway.core.types import Resource

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")


class Write(msgspec.Struct, frozen=True):
    """A resource to create or update at its own id; `if_match` is the version that the writer saw, 0 for none.

    `order` is the instant, in microseconds, of the message that says so; an older message than one taken before
    does nothing. `is_new` says that the id was made for this write, so that nothing can be there.
    `letter` is that of the interaction that asks for it, whatever comes of it: an update may create and is an update
    (https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html); "" where what is there decides.
    `outline` is what one walk over the resource told, if somebody walked over it.
    """

    resource: Resource
    if_match: int | None = None
    order: int | None = None
    is_new: bool = False
    letter: Literal["", "c", "u"] = ""
    outline: Outline | None = None


class Delete(msgspec.Struct, frozen=True):
    """A resource to delete."""

    type: str
    id: str
    if_match: int | None = None


Asked: TypeAlias = Resource | Write | Delete


def operation_of(writes: Sequence[Write | Delete], *, delivered: bool) -> tuple[Action, str]:
    """What the audit trail calls them, `delivered` by a source or not."""
    if delivered:
        return "C", "ingest"
    return ("D", "delete") if any(isinstance(write, Delete) for write in writes) else ("U", "write")


def key_of(study: str, asked: Write | Delete) -> Key:
    """The key that a write is about; raises `BadRequest` without a type and a valid id."""
    if isinstance(asked, Delete):
        kind, identity = asked.type, asked.id
    else:
        kind, identity = asked.resource.get("resourceType", ""), asked.resource.get("id", "")
    if not isinstance(kind, str) or not kind or not isinstance(identity, str) or not _ID.match(identity):
        raise BadRequest(issue("auth.identity"))
    return Key(study, kind, identity)
