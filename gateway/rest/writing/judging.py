"""Whether a resource may be written: by the study's rules for types that it collects, by R4 alone for others."""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from starlette.requests import Request

from gateway.access import Door, Finder, Found
from gateway.core.clock import Clock
from gateway.core.codec import loads
from gateway.core.errors import BadRequest, Unprocessable
from gateway.core.instants import micros
from gateway.core.issues import Issue, any_blocks, issue
from gateway.core.resources import Visibility
from gateway.core.types import Resource
from gateway.ingest.admission import Admission
from gateway.ingest.facts import MOST, StoredFacts
from gateway.rest.clients.gate import door_of
from gateway.rest.layers.edge import request_id
from gateway.rest.messages.subsets import is_subsetted
from gateway.rest.parts import Parts
from gateway.rest.writing.local_references import localized
from gateway.search import Query
from gateway.study import Study


class Judge(Struct, frozen=True):
    """Judges what one request writes; the study's rules see what Consents let its writer collect."""

    study: Study
    admission: Admission
    stored: StoredFacts
    clock: Clock

    def require(
        self, resource: Resource, around: Sequence[Resource] = (), *, inside: Finder | None = None
    ) -> list[Issue]:
        """The warnings about a resource that comes with those `around`; raises `Unprocessable` with every issue when
        one of them blocks.

        `inside` is what looks into the transaction where it is made, which waits for no other.
        """
        taken = resource["resourceType"] in self.study.profiles
        judge = self.admission.check if taken else self.admission.judge
        issues = judge(resource, around, stored=self._facts(inside) if inside else self.stored)
        if is_subsetted(resource):
            issues = [*issues, issue("rest.subsetted", expression=f"{resource['resourceType']}.meta.tag")]
        if any_blocks(issues):
            raise Unprocessable(*issues)
        return issues

    def _facts(self, inside: Finder) -> StoredFacts:
        """The stored facts as a transaction sees them; that it asked is on record with what it writes."""
        who = inside.principal
        seen = Visibility(who.study, who.organisation, "collect", who.purpose, micros(self.clock()))

        def search(query: Query) -> Found:
            rows = inside.lookup(query, seen, MOST + 1)
            return Found(tuple(rows[:MOST]), None, (MOST,) if len(rows) > MOST else None)

        return StoredFacts(search)


class Judges:
    """What every study lets in, compiled once."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._admissions: Mapping[str, Admission] = {
            study.id: Admission(study, parts.validator) for study in parts.studies.values()
        }

    def of(self, request: Request, door: Door | None = None) -> Judge:
        """The judge of what a request writes through its door."""
        parts = self._parts
        who, identity = (door or door_of(parts, request)).principal, request_id(request.scope)
        stored = StoredFacts.of_writer(lambda principal: parts.access.door(principal, request=identity), who)
        return Judge(parts.studies[who.study], self._admissions[who.study], stored, parts.clock)


def resource_of(body: bytes, type_name: str, base: str) -> Resource:
    """The resource in a body, of this type, its references to what is below `base` written short; raises
    `BadRequest`."""
    tree = loads(body)
    if not isinstance(tree, dict) or not isinstance(tree.get("resourceType"), str):
        raise BadRequest(issue("rest.not-a-resource"))
    if tree["resourceType"] != type_name:
        raise BadRequest(issue("rest.type-differs", expression="resourceType"))
    return localized(tree, base, body)
