"""A folder that an export fills: its manifest comes last, and nothing but exports is ever replaced."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from gateway.core.codec import dumps, loads
from gateway.core.errors import Conflict, FhirError
from gateway.core.instants import format_instant
from gateway.core.issues import issue
from gateway.export.files import PART, remove_left, whole_file

MANIFEST: Final = "manifest.json"

UNFINISHED: Final = "manifest.json.unfinished"
"""Lists what an export that is not whole may have left, so that the next one may replace it."""

Progress = Callable[[str, int], None]
"""Called with a type and how many resources of it are written so far."""


@dataclass(frozen=True, slots=True)
class Output:
    """One file of an export: `name` in the folder, how many resources, and the SHA-256 of its bytes.

    `type` is that of the resources, `Bundle` for a file that is one.
    """

    type: str
    name: str
    count: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an export holds: files of the types that had anything, as of `at`; `policy` names what took names out."""

    study: str
    at: datetime
    outputs: tuple[Output, ...]
    policy: str = ""

    @property
    def tree(self) -> dict[str, Any]:
        """The manifest as JSON, shaped after Bulk Data Access (https://hl7.org/fhir/uv/bulkdata/)."""
        policy = {"deidentification": self.policy} if self.policy else {}
        return {
            **policy,
            "transactionTime": format_instant(self.at),
            "study": self.study,
            "requiresAccessToken": False,
            "output": [
                {"type": entry.type, "url": entry.name, "count": entry.count, "sha256": entry.sha256}
                for entry in self.outputs
            ],
            "error": [],
        }

    def publish(self, folder: Path, others: Iterable[str]) -> None:
        """Writes the manifest, once the files in it are there, and removes `others` that are not in it."""
        kept = {entry.name for entry in self.outputs}
        for name in others:
            if name not in kept:
                remove_left(folder / name)
        with whole_file(folder / MANIFEST) as part:
            part.write_bytes(dumps(self.tree) + b"\n")
        remove_left(folder / UNFINISHED)


def earlier(folder: Path, is_own: Callable[[str], bool]) -> set[str]:
    """The names of the files that an earlier export, finished or not, left in the folder; creates the folder.

    From here on the folder has no manifest until it is whole again. `is_own` knows the names that this kind of export
    gives. Raises `Conflict` when the folder holds anything else, and leaves it as it was.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = {path.name for path in folder.iterdir()}
    lists = found & {MANIFEST, UNFINISHED}
    known = {name for one in lists for name in listed((folder / one).read_bytes())}
    require_own(found - lists, lambda name: name in known or is_own(name))
    if MANIFEST in found:
        with suppress(FileNotFoundError):  # another export into the folder was first
            (folder / MANIFEST).replace(folder / UNFINISHED)
    return found - lists


def require_own(names: Iterable[str], is_own: Callable[[str], bool]) -> None:
    """Raises `Conflict` for a file that is no export's; what a killed run left behind is."""
    for name in sorted(names):
        if not is_own(name) and not name.endswith(PART):
            raise Conflict(issue("export.foreign-file", name=name))


def listed(manifest: bytes) -> set[str]:
    """The files that an earlier export's manifest lists; raises `Conflict` when it is none of ours."""
    try:
        return {entry["url"] for entry in loads(manifest)["output"]}
    except (FhirError, KeyError, TypeError):
        raise Conflict(issue("export.foreign-file", name=MANIFEST)) from None
