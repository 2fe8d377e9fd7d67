"""What each writing entry of a transaction asks, as a step still to be made."""

from collections.abc import Sequence
from functools import partial

from msgspec import Struct

from gateway.access import Finder, Step
from gateway.core.errors import BadRequest, MethodNotAllowed
from gateway.core.issues import Issue, issue
from gateway.core.resources import Stored
from gateway.core.types import Resource
from gateway.rest.bundling.entries import Entry
from gateway.rest.discovery.offering import WITHOUT, offered
from gateway.rest.parts import Parts
from gateway.rest.patching import patch_of_entry
from gateway.rest.writing.conditions import criteria, most_deleted, require_conditional_delete, the_one
from gateway.rest.writing.judging import Judge
from gateway.rest.writing.preconditions import if_match, only_new
from gateway.rest.writing.steps import (
    MakeStep,
    MakeSteps,
    amendment,
    conditional_removals,
    conditional_replacement,
    creation,
    new_id,
    removal,
    replacement,
)
from gateway.search import Query
from gateway.study import Study

_CODES = {"DELETE": "delete", "POST": "create", "PUT": "update", "PATCH": "patch"}
_LETTERS = {"DELETE": "d", "POST": "c", "PUT": "u", "PATCH": "u"}


class Planned(Struct, frozen=True):
    """A writing entry: `identity` is `Type/id` where it is known from the start, else "". It makes one step, or, as a
    conditional deletion, any number.

    `resource` is what to judge, and to write where there is no condition; `where` is the condition; `names_version`
    says that the client named the version that it saw.
    """

    entry: Entry
    type: str
    identity: str
    make: MakeSteps
    where: Query | None = None
    resource: Resource | None = None
    names_version: bool = False

    @property
    def letter(self) -> str:
        """The scope that the client needs."""
        return _LETTERS[self.entry.method]


def planned(parts: Parts, study: Study, judge: Judge, entry: Entry) -> Planned:
    """The plan of an entry; raises `BadRequest` when it asks for what is no write of a transaction."""
    segments = entry.path.split("/")
    if len(segments) > 2 or segments[0] not in parts.definitions.types() or segments[-1][:1] in ("$", "_"):
        raise _wrong(entry)
    kind, identity = segments[0], segments[1] if len(segments) == 2 else ""
    if kind in WITHOUT and not offered(kind, (_CODES[entry.method],)) and kind != "Consent":
        raise MethodNotAllowed(issue("rest.method", expression=entry.place))
    if entry.method != "POST" and bool(entry.query) == bool(identity):
        raise _wrong(entry)
    where = criteria(parts, study.id, kind, entry.query) if entry.query else None
    version = if_match(entry.headers.get("if-match"))
    if entry.method == "POST":
        return _creation(parts, study, entry, kind)
    if entry.method == "PUT":
        return _update(study, entry, kind, identity, where, version)
    if entry.method == "PATCH":
        return _patch(parts, study, judge, entry, kind, identity, where, version)
    if where:
        require_conditional_delete(study)
        several = conditional_removals(where, most_deleted(study, parts.bundle_limit), version)
        return Planned(entry, kind, "", several, where, names_version=version is not None)
    make = _alone(removal(kind, identity, version))
    return Planned(entry, kind, f"{kind}/{identity}", make, names_version=version is not None)


def _alone(make: MakeStep) -> MakeSteps:
    return partial(_made_alone, make)


def _made_alone(make: MakeStep, find: Finder) -> Sequence[Step]:
    return [make(find)]


def _wrong(entry: Entry) -> BadRequest:
    return BadRequest(issue("rest.bundle-entry", expression=entry.place))


def _typed(entry: Entry, kind: str) -> Resource:
    if entry.resource is None or entry.resource["resourceType"] != kind:
        raise BadRequest(issue("rest.type-differs", expression=f"{entry.place}.resource"))
    return entry.resource


def _creation(parts: Parts, study: Study, entry: Entry, kind: str) -> Planned:
    if entry.query or "/" in entry.path:
        raise _wrong(entry)
    resource = {**_typed(entry, kind), "id": new_id()}
    condition = entry.headers.get("if-none-exist")
    unless = None if condition is None else criteria(parts, study.id, kind, condition)
    reference = "" if unless else f"{kind}/{resource['id']}"
    return Planned(entry, kind, reference, _alone(creation(resource, unless)), unless, resource)


def _update(
    study: Study, entry: Entry, kind: str, identity: str, where: Query | None, version: int | None
) -> Planned:
    resource = _typed(entry, kind)
    named, may_create = version is not None, study.interactions.update_creates
    is_new = only_new(entry.headers.get("if-none-match"))
    if where:
        make = _alone(conditional_replacement(resource, where, version, is_new=is_new, may_create=may_create))
        return Planned(entry, kind, "", make, where, {"id": new_id(), **resource}, named)
    if resource.get("id") != identity:
        raise BadRequest(issue("rest.id-differs", expression=f"{entry.place}.resource.id"))
    make = _alone(replacement(resource, version, is_new=is_new, may_create=may_create))
    return Planned(entry, kind, f"{kind}/{identity}", make, None, resource, named)


def _patch(
    parts: Parts,
    study: Study,
    judge: Judge,
    entry: Entry,
    kind: str,
    identity: str,
    where: Query | None,
    version: int | None,
) -> Planned:
    amend = patch_of_entry(entry.resource or {}, parts.definitions)

    def find_one(find: Finder) -> Stored | None:
        if where is None:
            return find.current(kind, identity)
        found = the_one(find, where)
        return find.current(kind, found.key.id) if found else None

    def judged(resource: Resource, find: Finder) -> Sequence[Issue]:
        return judge.require(resource, inside=find)

    make = _alone(amendment(find_one, amend, judged, version))
    reference = f"{kind}/{identity}" if identity else ""
    return Planned(entry, kind, reference, make, where, names_version=version is not None)
