"""The patients of a Group, for operations that a Group selects patients for."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from starlette.requests import Request

from gateway.access import Door
from gateway.core.codec import loads
from gateway.core.errors import Unprocessable
from gateway.core.issues import issue
from gateway.rest.edge import request_id
from gateway.rest.gate import study_of
from gateway.rest.pacing import address_of
from gateway.rest.parts import Parts

MAX_MEMBERS: Final = 1_000


def members_of(parts: Parts, request: Request, door: Door, id: str) -> Sequence[str]:
    """The ids of the active members who are patients, as often as they are listed once.

    Raises `Forbidden` when the client is not registered to read Groups, `NotFound` for one that is absent or hidden,
    `Unprocessable` for one that is too large.
    """
    group = loads(_registered(parts, request, door).read("Group", id).body)
    active = [one for one in group.get("member", ()) if not one.get("inactive")]
    references = [str(one.get("entity", {}).get("reference", "")) for one in active]
    members = dict.fromkeys(text.removeprefix("Patient/") for text in references if text.startswith("Patient/"))
    if len(members) > MAX_MEMBERS:
        raise Unprocessable(issue("rest.too-many-members", limit=MAX_MEMBERS))
    return tuple(members)


def _registered(parts: Parts, request: Request, door: Door) -> Door:
    """The client's door with all that it is registered for: clients ask for tokens of the types that are to leave,
    which the Group that selects them is not."""
    who = door.principal
    client = parts.requests.client_of(study_of(parts, request).id, who.client)
    scopes = client.scopes if client else who.scopes
    return parts.access.door(replace(who, scopes=scopes), request_id(request.scope), network=address_of(request))
