"""Whether data that somebody holds are those that an audit event tells of: by their references and versions."""

from collections.abc import Iterable, Iterator

from gateway.core.event import Event, digest_of, versions_of
from gateway.core.types import Resource


def held(resources: Iterable[Resource]) -> Iterator[str]:
    """What resources are, `Observation/1/_history/2`, those of a Bundle's entries each; nothing of what has no id,
    such as an OperationOutcome."""
    for one in resources:
        if one.get("resourceType") == "Bundle":
            yield from held(entry["resource"] for entry in one.get("entry", ()) if "resource" in entry)
        elif "id" in one:
            version = one.get("meta", {}).get("versionId", "")
            reference = f"{one['resourceType']}/{one['id']}"
            yield f"{reference}/_history/{version}" if version else reference


def is_all(event: Event, found: Iterable[str]) -> bool:
    """Whether that is all that the event tells of, and nothing else; what it tells without versions is found without
    them."""
    there = set(found)
    if not event.versions:
        there = {one.partition("/_history/")[0] for one in there}
    if event.digest:
        return digest_of(there) == event.digest
    return there == set(versions_of(event.targets, event.versions))
