"""The patients of a Group, for operations that a Group selects patients for."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from starlette.requests import Request

from gateway.access import Door
from gateway.core.codec import loads
from gateway.core.errors import Forbidden, Unprocessable
from gateway.core.issues import issue
from gateway.rest.clients.gate import study_of
from gateway.rest.clients.pacing import address_of
from gateway.rest.layers.edge import request_id
from gateway.rest.parts import Parts
from gateway.study.parts import Role

MAX_MEMBERS: Final = 1_000


FEWEST: Final = 5
"""Members that a Group needs for de-identified data: of fewer, membership tells too much of each."""


def named_members_of(parts: Parts, request: Request, door: Door, role: Role, name: str) -> Sequence[str]:
    """The same of a Group that the study file names for a role that is given de-identified data alone.

    Raises `Forbidden` for any other name, whether or not such a Group is there, and for a Group with few members;
    else as `members_of`.
    """
    id = role.groups.get(name)
    if id is None:
        raise Forbidden(issue("export.deidentified-only"))
    members = _members(_registered(parts, request, door, deidentifies=True), id)
    if len(members) < FEWEST:
        raise Forbidden(issue("export.group-small", limit=FEWEST))
    return members


def members_of(parts: Parts, request: Request, door: Door, id: str) -> Sequence[str]:
    """The ids of the active members who are patients, as often as they are listed once.

    Raises `Forbidden` when the client is not registered to read Groups, `NotFound` for one that is absent or hidden,
    `Unprocessable` for one that is too large.
    """
    return _members(_registered(parts, request, door), id)


def _members(door: Door, id: str) -> Sequence[str]:
    group = loads(door.read("Group", id).body)
    active = [one for one in group.get("member", ()) if not one.get("inactive")]
    references = [str(one.get("entity", {}).get("reference", "")) for one in active]
    members = dict.fromkeys(text.removeprefix("Patient/") for text in references if text.startswith("Patient/"))
    if len(members) > MAX_MEMBERS:
        raise Unprocessable(issue("rest.too-many-members", limit=MAX_MEMBERS))
    return tuple(members)


def _registered(parts: Parts, request: Request, door: Door, *, deidentifies: bool = False) -> Door:
    """The client's door with all that it is registered for: clients ask for tokens of the types that are to leave,
    which the Group that selects them is not."""
    who = door.principal
    client = parts.requests.client_of(study_of(parts, request).id, who.client)
    scopes = client.scopes if client else who.scopes
    network = address_of(request)
    who = replace(who, scopes=scopes)
    return parts.access.door(who, request_id(request.scope), network=network, deidentifies=deidentifies)
