"""Resources about others (List, Provenance) stand where these stand: they move when these do.

A change of a time, a domain or content is of one resource; what is about it says nothing else than before, and is no
new version. It is placed as it stands when the transaction has it.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from gateway.access.placing.places import MAX_FOLLOWED, PlacementOf, Placer
from gateway.access.placing.subjects import FOLLOWED
from gateway.core.codec import loads
from gateway.core.resources import Change, Committed, Key, Placement
from gateway.core.types import Resource
from gateway.search import Query
from gateway.search.query import ReferenceClause
from gateway.store.port import ResourceStore

_PARAMETERS: Final = {"List": "item", "Provenance": "target"}
"""The search parameters of the elements in `FOLLOWED`."""


def moved(
    changes: Sequence[Change],
    committed: Sequence[Committed],
    placer: Placer,
    store: ResourceStore,
    placement_of: PlacementOf,
) -> Iterator[Change]:
    """The changes that place anew what is about those of the changes that stand elsewhere than before; what is among
    the changes itself was placed with them."""
    pairs = zip(changes, committed, strict=True)
    targets = [change.key.reference for change, done in pairs if _is_moved(change, done, placer)]
    if not targets:
        return
    seen = {(change.key.type, change.key.id) for change in changes}
    for _distance in range(MAX_FOLLOWED):
        about = dict.fromkeys(key for target in targets for key in _about(store, changes[0].key.study, target))
        found = [key for key in about if (key.type, key.id) not in seen]
        seen.update((key.type, key.id) for key in found)
        yield from (Change(key, {}, revise=lambda one: _placed(one, placer, placement_of)) for key in found)
        targets = [key.reference for key in found]


def _is_moved(change: Change, done: Committed, placer: Placer) -> bool:
    """Whether a resource stands elsewhere than its version before; those about others move with their targets."""
    if change.resource is None or done.stored.version == 1 or done.outcome not in ("created", "updated"):
        return False
    if change.key.type in FOLLOWED or not done.before:
        return True
    return placer.place(loads(done.before), lambda _type, _id: None) != change.placement


def _about(store: ResourceStore, study: str, target: str) -> Iterator[Key]:
    for kind, parameter in _PARAMETERS.items():
        rows = store.stream(Query(kind, (ReferenceClause(parameter, (target,)),)), study, None)
        yield from (row.key for row in rows)


def _placed(resource: Resource, placer: Placer, placement_of: PlacementOf) -> tuple[Resource, Placement] | None:
    placement = placer.place(resource, placement_of)
    return (resource, placement) if placement.subjects or placement.study_level else None
