"""Profiles, tags and security labels of one resource: read, added, taken away.

See https://hl7.org/fhir/R4/resource-operation-meta.html, #meta-add and #meta-delete.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.access import Finder
from gateway.core.codec import loads
from gateway.core.errors import BadRequest, Unprocessable
from gateway.core.issues import any_blocks, issue
from gateway.core.resources import Stored
from gateway.core.types import Resource
from gateway.rest.operation.declaration import Call
from gateway.rest.writing.steps import ATTEMPTS, amendment
from gateway.rest.writing.written import version_of

LISTS: Final = ("profile", "security", "tag")


def meta_answer(stored: Stored) -> Resource:
    """The Parameters that tell the meta of a version."""
    meta = loads(stored.body).get("meta", {})
    return {"resourceType": "Parameters", "parameter": [{"name": "return", "valueMeta": meta}]}


def changed(call: Call, operation: str, change: Callable[[dict[str, Any], Mapping[str, Any]], None]) -> Resource:
    """Changes the meta of the resource at the address, as a new version; its meta then.

    `change` gets the meta, and the one that came with the call. Raises `NotFound`, and `Unprocessable` when what
    comes of it is not valid.
    """
    given = call.inputs.one("meta")
    if not all(isinstance(given.get(name, []), list) for name in LISTS):
        raise BadRequest(issue("rest.parameter-value", parameter="meta", expected="Give a Meta"))

    def amend(resource: Resource) -> Resource:
        meta = dict(resource.get("meta", {}))
        change(meta, given)
        kept = {name: value for name, value in meta.items() if value != []}
        return (
            {**resource, "meta": kept} if kept else {name: part for name, part in resource.items() if name != "meta"}
        )

    def judge(resource: Resource, _find: Finder) -> None:
        issues = call.parts.validator.validate(resource)
        if any_blocks(issues):
            raise Unprocessable(*issues)

    step = amendment(lambda find: find.current(call.type, call.id), amend, judge)
    locks = (f"{call.type}/{call.id}",)
    [result] = call.door.transact(lambda find: [step(find)], operation, locks=locks, attempts=ATTEMPTS)
    stored = version_of(result)
    if stored is None:
        raise AssertionError("an amendment is written")
    return meta_answer(stored)


def same(name: str, one: Any, other: Any) -> bool:
    """Whether two entries of a list are the same: profiles by URL, labels by system and code."""
    if name == "profile" or not isinstance(one, dict) or not isinstance(other, dict):
        return bool(one == other)
    return all(one.get(key) == other.get(key) for key in ("system", "code"))
