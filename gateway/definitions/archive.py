"""Sources of canonical resources: a zip of buckets for what the product ships, a folder of JSON for overlays."""

import io
import json
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import cached_property
from importlib.resources.abc import Traversable
from pathlib import Path
from threading import Lock

import msgspec

from gateway.core import Resource, loads
from gateway.core.errors import BadRequest

EPOCH = (1980, 1, 1, 0, 0, 0)

STUDIES = "studies"
"""The folder whose folders are those of studies."""

_decoder = msgspec.json.Decoder(float_hook=Decimal)


def _bucket(url: str, entries: int) -> str:
    return f"{zlib.crc32(url.encode()) % entries}.json"


def write_archive(path: Path, resources: Iterable[Resource], entries: int) -> None:
    """Writes `resources` into a zip of `entries` JSON lists; a resource's list follows from its canonical URL."""
    buckets: dict[str, list[Resource]] = defaultdict(list)
    for resource in resources:
        buckets[_bucket(resource["url"], entries)].append(resource)
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for number in range(entries):
            pile = sorted(buckets[f"{number}.json"], key=lambda resource: (resource["url"], resource.get("id", "")))
            text = json.dumps(pile, separators=(",", ":"), ensure_ascii=False)
            archive.writestr(zipfile.ZipInfo(f"{number}.json", EPOCH), text, zipfile.ZIP_DEFLATED, 9)


class Archive:
    """A zip written by `write_archive`; one look-up decodes one bucket and keeps it."""

    def __init__(self, file: Traversable, *kinds: str) -> None:
        self._file = file
        self._kinds = kinds
        self._buckets: dict[str, dict[str, list[Resource]]] = {}
        self._lock = Lock()

    @cached_property
    def _zip(self) -> zipfile.ZipFile:
        return zipfile.ZipFile(io.BytesIO(self._file.read_bytes()))

    @cached_property
    def _entries(self) -> int:
        return len(self._zip.namelist())

    def _read(self, name: str) -> dict[str, list[Resource]]:
        found = self._buckets.get(name)
        if found is None:
            with self._lock:
                data = self._zip.read(name)
            found = {}
            for resource in _decoder.decode(data):
                found.setdefault(resource["url"], []).append(resource)
            self._buckets[name] = found
        return found

    def find(self, url: str) -> list[Resource]:
        """The resources with this canonical URL (without version), in the archive's order."""
        return self._read(_bucket(url, self._entries)).get(url, [])

    def all(self) -> Iterator[Resource]:
        """Every resource of the archive."""
        for name in self._zip.namelist():
            for pile in self._read(name).values():
                yield from pile

    def has(self, kind: str) -> bool:
        """True when resources of this kind may be in it."""
        return kind in self._kinds


class Folder:
    """The JSON files of a folder and its sub-folders that are FHIR resources with a canonical URL.

    Files are read at the first look-up. A file that is no JSON, or no such resource, is not a definition and is
    passed over: study folders hold other files too, and whoever owns those checks them.
    """

    def __init__(self, root: Traversable) -> None:
        self._root = root

    @cached_property
    def _resources(self) -> list[tuple[Resource, str]]:
        """Each with the study in whose folder (`studies/[id]`) it is, "" for none."""
        files = sorted(_json_files(self._root), key=lambda one: one[0].name)
        return [(resource, study) for file, study in files for resource in _canonical(file)]

    @cached_property
    def _by_url(self) -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for resource, _ in self._resources:
            found.setdefault(resource["url"], []).append(resource)
        return found

    def find(self, url: str) -> list[Resource]:
        """The resources with this canonical URL (without version)."""
        return self._by_url.get(url, [])

    def all(self) -> Iterator[Resource]:
        """Every resource of the folder."""
        for pile in self._by_url.values():
            yield from pile

    def has(self, kind: str) -> bool:
        """True: any kind may be in a folder."""
        return True

    def of_studies(self, kind: str) -> Iterator[tuple[Resource, str]]:
        """The resources of a kind that are in the folder of a study, each with the study's id."""
        return ((one, study) for one, study in self._resources if study and one["resourceType"] == kind)

    def has_in_study(self, kind: str, study: str) -> bool:
        """Whether a resource of a kind is in the folder of the study; nothing else is read for this."""
        folder = self._root.joinpath(STUDIES, study)
        files = _json_files(folder) if study and folder.is_dir() else ()
        return any(one["resourceType"] == kind for file, _ in files for one in _canonical(file))


def _canonical(file: Traversable) -> list[Resource]:
    """The resource in a file; none when it is no definition."""
    try:
        resource = loads(file.read_bytes())
    except BadRequest:
        return []
    is_one = isinstance(resource, dict) and "resourceType" in resource and isinstance(resource.get("url"), str)
    return [resource] if is_one else []


def _json_files(root: Traversable, study: str = "", depth: int = 0) -> Iterator[tuple[Traversable, str]]:
    """The files, each with the study in whose folder it is."""
    for child in root.iterdir():
        if child.is_dir():
            is_study = depth == 1 and root.name == STUDIES
            yield from _json_files(child, child.name if is_study else study, depth + 1)
        elif child.name.endswith(".json"):
            yield child, study
