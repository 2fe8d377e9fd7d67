"""Writes what a reader may take along as NDJSON, one file a type, and a manifest over them."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.access import Door
from gateway.core.codec import dumps, loads
from gateway.core.errors import Conflict, FhirError
from gateway.core.instants import format_instant
from gateway.core.issues import issue
from gateway.export.deidentify import Deidentifier
from gateway.export.files import whole_file

MANIFEST = "manifest.json"
Lines = tuple[bytes, int]
"""Lines with a line feed behind each, and how many they are."""

Progress = Callable[[str, int], None]
"""Called with a type and how many resources of it are written so far."""


@dataclass(frozen=True, slots=True)
class Output:
    """One file of an export: `name` in the folder, how many resources, and the SHA-256 of its bytes."""

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


def export(
    door: Door,
    folder: Path,
    types: Sequence[str],
    at: datetime,
    progress: Progress | None = None,
    deidentifier: Deidentifier | None = None,
) -> Manifest:
    """Writes the visible resources of `types` to `folder` as `<Type>.ndjson`, then `manifest.json`.

    Each file appears whole or not at all, readable by its owner only. An earlier export in the folder is replaced:
    files of it that this one does not write are removed, so that nobody is left in them who withdrew since.
    With a `deidentifier` only what its policy lets go is written. Raises `Conflict` when the folder holds anything
    else, `Forbidden` for a type beyond the reader's scopes, `Unprocessable` for what cannot be de-identified.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    earlier = _earlier(folder, types)
    outputs = tuple(_output(door, folder, kind, progress, deidentifier) for kind in sorted(set(types)))
    policy = deidentifier.policy.name if deidentifier else ""
    manifest = Manifest(door.principal.study, at, tuple(entry for entry in outputs if entry.count), policy)
    kept = {entry.name for entry in manifest.outputs}
    for name in earlier | {entry.name for entry in outputs}:
        if name not in kept:
            (folder / name).unlink(missing_ok=True)
    _write(folder / MANIFEST, [(dumps(manifest.tree) + b"\n", 1)])
    return manifest


def _earlier(folder: Path, types: Sequence[str]) -> set[str]:
    """The names of the files that an earlier export, finished or not, left in the folder."""
    manifest = folder / MANIFEST
    known = _listed(manifest) if manifest.exists() else set()
    known |= {f"{kind}.ndjson" for kind in types}
    found = {path.name for path in folder.iterdir()} - {MANIFEST}
    for name in sorted(found):
        if name not in known and not name.endswith(".part"):
            raise Conflict(issue("export.foreign-file", name=name))
    return found


def _listed(manifest: Path) -> set[str]:
    """The files that an earlier export's manifest lists; raises `Conflict` when it is none of ours."""
    try:
        return {entry["url"] for entry in loads(manifest.read_bytes())["output"]}
    except (FhirError, KeyError, TypeError):
        raise Conflict(issue("export.foreign-file", name=MANIFEST)) from None


def _output(
    door: Door, folder: Path, kind: str, progress: Progress | None, deidentifier: Deidentifier | None
) -> Output:
    name = f"{kind}.ndjson"
    batches = _batches(door, kind, progress)
    count, digest = _write(folder / name, batches if deidentifier is None else _deidentified(batches, deidentifier))
    return Output(kind, name, count, digest)


def _batches(door: Door, kind: str, progress: Progress | None) -> Iterator[Lines]:
    count = 0
    for batch in door.batches(kind):
        yield batch.lines, batch.count
        count += batch.count
        if progress:
            progress(kind, count)


def _deidentified(batches: Iterable[Lines], deidentifier: Deidentifier) -> Iterator[Lines]:
    for lines, _ in batches:
        left = [one for body in lines.split(b"\n")[:-1] if (one := deidentifier.apply_body(body)) is not None]
        yield b"\n".join([*left, b""]), len(left)


def _write(path: Path, batches: Iterable[Lines]) -> tuple[int, str]:
    """Writes the lines as a file that appears whole or not at all; how many there are, and their SHA-256."""
    digest, count = hashlib.sha256(), 0
    with whole_file(path) as part, part.open("wb") as file:
        for lines, number in batches:
            digest.update(lines)
            file.write(lines)
            count += number
    return count, digest.hexdigest()
