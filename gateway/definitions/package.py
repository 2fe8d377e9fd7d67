"""FHIR NPM packages (`.tgz`) as a source of canonical resources: guides such as US Core.

Nothing is unpacked to disk, so names in the archive lead nowhere; sizes are bounded, so that none can explode.
See https://hl7.org/fhir/packages.html.
"""

import io
import tarfile
import zlib
from collections.abc import Iterator
from functools import cached_property
from importlib.resources.abc import Traversable
from typing import Any

from gateway.core import Resource, issue, loads
from gateway.core.errors import BadRequest

MAX_FILE = 64 * 1024 * 1024
"""How many bytes one file of a package may have."""

MAX_TOTAL = 512 * 1024 * 1024
"""How many bytes the files of a package may have together."""

FOLDER = "package/"
MANIFEST = FOLDER + "package.json"


class Package:
    """The resources with a canonical URL in the `package` folder of a `.tgz`, read at the first look-up.

    A file that is no JSON resource is passed over. Raises `BadRequest` with `conformance.package-unreadable` for a
    file that is not a package, and with `conformance.package-too-large` beyond the bounds.
    """

    def __init__(self, file: Traversable) -> None:
        self._file = file

    def manifest(self) -> Any:
        """The package's `package.json`; None when it has none that can be read."""
        return self._content[1]

    @property
    def _by_url(self) -> dict[str, list[Resource]]:
        return self._content[0]

    @cached_property
    def _content(self) -> tuple[dict[str, list[Resource]], Any]:
        found: dict[str, list[Resource]] = {}
        manifest: Any = None
        for name, data in self._members():
            try:
                resource = loads(data)
            except BadRequest:
                continue
            if name == MANIFEST:
                manifest = resource
            elif isinstance(resource, dict) and "resourceType" in resource and isinstance(resource.get("url"), str):
                found.setdefault(resource["url"], []).append(resource)
        return found, manifest

    def _members(self) -> Iterator[tuple[str, bytes]]:
        total = 0
        try:
            with tarfile.open(fileobj=io.BytesIO(self._file.read_bytes()), mode="r:gz") as archive:
                for member in archive:
                    total += member.size
                    if member.size > MAX_FILE or total > MAX_TOTAL:
                        raise BadRequest(issue("conformance.package-too-large", source=self._file.name))
                    stream = archive.extractfile(member) if _is_resource_file(member) else None
                    if stream is not None:
                        yield member.name, stream.read()
        except (tarfile.TarError, EOFError, OSError, zlib.error):
            raise BadRequest(issue("conformance.package-unreadable", source=self._file.name)) from None

    def find(self, url: str) -> list[Resource]:
        """The resources with this canonical URL (without version)."""
        return self._by_url.get(url, [])

    def all(self) -> Iterator[Resource]:
        """Every resource of the package."""
        for pile in self._by_url.values():
            yield from pile

    def has(self, kind: str) -> bool:
        """True: any kind may be in a package."""
        return True


def _is_resource_file(member: tarfile.TarInfo) -> bool:
    folder, _, name = member.name.rpartition("/")
    return member.isfile() and f"{folder}/" == FOLDER and name.endswith(".json") and not name.startswith(".")
