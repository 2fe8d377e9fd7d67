"""The definitions and terminology of the asset folders as resources that a study's clients may read.

What lies in a study's folder is that study's alone; everything else is everybody's. Nothing is read before it is
asked for. R4's own definitions are here without their prose: they say so by the tag SUBSETTED, and their status is
`unknown`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from importlib.resources.abc import Traversable
from threading import Lock
from typing import Final

from gateway.core import Resource, dumps
from gateway.core.instants import format_instant
from gateway.definitions.archive import Folder
from gateway.definitions.definitions import Definitions

KINDS: Final = frozenset({
    "CodeSystem", "CompartmentDefinition", "ConceptMap", "NamingSystem", "OperationDefinition", "SearchParameter",
    "StructureDefinition", "ValueSet",
})  # fmt: skip
"""The types; the Questionnaires that a study names are brought into its store."""

_SUBSETTED: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}


@dataclass(frozen=True, slots=True)
class Definition:
    """A resource as it is served: `version` is another one when its content is."""

    id: str
    version: int
    resource: Resource
    body: bytes


class Catalogue:
    """What each study's clients find beside what is stored; safe between threads."""

    def __init__(self, definitions: Definitions, own: Mapping[str, Iterable[Traversable]], since: datetime) -> None:
        """`own` are the folders of each study; `since` is told as when everything was last updated."""
        self._definitions = definitions
        self._own = own
        self.since = since
        self._made: dict[tuple[str, str], Mapping[str, Definition]] = {}
        self._lock = Lock()

    @classmethod
    def of_studies(
        cls, definitions: Definitions, roots: Sequence[Traversable], studies: Iterable[str], since: datetime
    ) -> "Catalogue":
        """The catalogue of these studies, each with the folder of its name in the `roots` of the profiles."""
        own = {study: tuple(root.joinpath("studies", study) for root in roots) for study in studies}
        return cls(definitions, own, since)

    def of(self, study: str, type: str) -> Mapping[str, Definition]:
        """Id -> definition of a type, the study's own last; empty for a type that is not among `KINDS`."""
        if type not in KINDS:
            return {}
        with self._lock:
            for key in (("", type), (study, type)):
                if key not in self._made:
                    self._made[key] = self._make(*key)
            shared, special = self._made["", type], self._made[study, type]
        return {**shared, **special} if special else shared

    def _make(self, study: str, type: str) -> dict[str, Definition]:
        by_canonical = {(one["url"], one.get("version", "")): one for one in self._found(study, type)}
        made: dict[str, Definition] = {}
        for (url, version), resource in sorted(by_canonical.items()):
            id = str(resource.get("id") or "")
            if not id or id in made:
                id = blake2b(f"{url}|{version}".encode(), digest_size=16).hexdigest()
            made[id] = self._definition(id, resource)
        return dict(sorted(made.items()))

    def _found(self, study: str, type: str) -> Iterator[Resource]:
        """Those of a study, or those of none."""
        if study:
            yield from _in(self._own.get(study, ()), type)
            return
        special = [one for folders in self._own.values() for one in _in(folders, type)]
        yield from (one for one in self._definitions.all(type) if one not in special)

    def _definition(self, id: str, resource: Resource) -> Definition:
        number = 1 + int.from_bytes(blake2b(dumps(resource), digest_size=4).digest(), "big") % 999_999_999
        meta = {"versionId": str(number), "lastUpdated": format_instant(self.since)}
        told: Resource = {"resourceType": resource["resourceType"], "id": id, "meta": meta}
        if "status" not in resource:
            told |= {"meta": {**meta, "tag": [_SUBSETTED]}, "status": "unknown"}
        told |= {name: value for name, value in resource.items() if name not in ("resourceType", "id", "meta")}
        return Definition(id, number, told, dumps(told))


def _in(folders: Iterable[Traversable], type: str) -> Iterator[Resource]:
    for folder in folders:
        if folder.is_dir():
            yield from (one for one in Folder(folder).all() if one["resourceType"] == type)
