"""What a write comes to, given what its transaction finds; one function an interaction, for routes and Bundles.

A step is made inside the transaction, so that conditions hold when it is committed.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeAlias

from gateway.access import Delete, Finder, Step, Write
from gateway.core.codec import loads
from gateway.core.errors import BadRequest, Conflict, MethodNotAllowed, NotFound, PreconditionFailed, Unprocessable
from gateway.core.ids import RandomIds
from gateway.core.issues import issue
from gateway.core.resources import Stored
from gateway.core.types import Resource
from gateway.rest.writing.conditions import the_one
from gateway.search import Query

MakeStep: TypeAlias = Callable[[Finder], Step]
MakeSteps: TypeAlias = Callable[[Finder], Sequence[Step]]

ATTEMPTS = 5
"""How often a write that names no version begins again when another writer was faster."""


new_id: Final = RandomIds(16).take
"""An id that nobody had before: 128 random bits."""


def creation(resource: Resource, unless: Query | None = None) -> MakeStep:
    """The resource, whose id `new_id` made, written; or the one that meets `unless`, left as it is."""

    return partial(_created, resource, unless)


def _created(resource: Resource, unless: Query | None, find: Finder) -> Step:
    found = the_one(find, unless) if unless else None
    return found or Write(resource, if_match=0, is_new=True, letter="c")


def replacement(
    resource: Resource, if_match: int | None = None, *, is_new: bool = False, may_create: bool = True
) -> MakeStep:
    """The resource written at its own id; only over version `if_match`, only where nothing is (`is_new`), or only
    where something is or was (not `may_create`)."""

    def step(find: Finder) -> Step:
        if if_match is not None or not may_create:
            kind, identity = resource["resourceType"], resource["id"]
            current = find.version(kind, identity)
            _require_version(kind, current, if_match)
            _require_creation(may_create or current > 0 or find.is_deleted(kind, identity))
        return Write(resource, if_match=0 if is_new else if_match, letter="u")

    return step


def conditional_replacement(
    resource: Resource, where: Query, if_match: int | None = None, *, is_new: bool = False, may_create: bool = True
) -> MakeStep:
    """The resource written over the one that meets `where`, or as a new one when there is none: at the id that it
    brings, if it may be created there (`may_create`). With `is_new` nothing may meet `where`."""
    kind, identity = where.type, resource.get("id")

    def step(find: Finder) -> Step:
        found = the_one(find, where)
        if found is None:
            _require_version(kind, 0, if_match)
            _require_creation(may_create or identity is None or find.is_deleted(kind, identity))
            if identity is not None and find.version(kind, identity):
                raise Conflict(issue("rest.id-taken", expression=f"{kind}.id"))
            if identity is None:
                return Write({**resource, "id": new_id()}, if_match=0, is_new=True, letter="u")
            return Write(resource, if_match=0, letter="u")
        if is_new:
            raise PreconditionFailed(issue("store.version-conflict", type=kind))
        if identity is not None and identity != found.key.id:
            raise BadRequest(issue("rest.id-not-the-match", expression=f"{kind}.id"))
        _require_version(kind, found.version, if_match)
        return Write({**resource, "id": found.key.id}, if_match=_over(found, if_match), letter="u")

    return step


def removal(kind: str, identity: str, if_match: int | None = None) -> MakeStep:
    """The resource deleted; nothing when there is none."""

    def step(find: Finder) -> Step:
        version = find.version(kind, identity)
        _require_version(kind, version, if_match)
        return Delete(kind, identity, if_match=version) if version else None

    return step


def conditional_removal(where: Query, if_match: int | None = None) -> MakeStep:
    """The resource that meets `where` deleted; nothing when there is none."""

    def step(find: Finder) -> Step:
        found = the_one(find, where)
        _require_version(where.type, found.version if found else 0, if_match)
        return Delete(where.type, found.key.id, if_match=found.version) if found else None

    return step


def conditional_removals(where: Query, most: int, if_match: int | None = None) -> MakeSteps:
    """Every resource that meets `where` deleted, `most` at most; who names a version means a single one."""

    def steps(find: Finder) -> Sequence[Step]:
        if most == 1 or if_match is not None:
            return [conditional_removal(where, if_match)(find)]
        found = find.search(where, most + 1)
        if len(found) > most:
            raise PreconditionFailed(issue("rest.too-many-match", limit=most))
        return [Delete(where.type, one.key.id, if_match=one.version) for one in found]

    return steps


def amendment(
    find_one: Callable[[Finder], Stored | None],
    amend: Callable[[Resource], Resource],
    judge: Callable[[Resource, Finder], object],
    if_match: int | None = None,
) -> MakeStep:
    """The resource that `find_one` finds, as `amend` makes it of the tree that it is given, once `judge` let it pass,
    which may look into the transaction.

    The step raises `NotFound` when there is no such resource. Its type and id stay.
    """

    def step(find: Finder) -> Step:
        found = find_one(find)
        if found is None:
            raise NotFound(issue("auth.not-found"))
        _require_version(found.key.type, found.version, if_match)
        amended = amend(loads(found.body))
        if (amended.get("resourceType"), amended.get("id")) != (found.key.type, found.key.id):
            raise Unprocessable(issue("rest.patch-identity"))
        judge(amended, find)
        return Write(amended, if_match=_over(found, if_match), letter="u")

    return step


def _over(found: Stored, if_match: int | None) -> int | None:
    """The version to write over: the one that was found; of a Consent the one that the client saw, if any."""
    return if_match if found.key.type == "Consent" else found.version


def _require_creation(may: bool) -> None:
    if not may:
        raise MethodNotAllowed(issue("rest.no-update-create"))


def _require_version(kind: str, current: int, if_match: int | None) -> None:
    if if_match is not None and current != if_match:
        raise PreconditionFailed(issue("store.version-conflict", type=kind))
