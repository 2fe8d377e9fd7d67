"""Writes what a reader may take along as NDJSON, one file a type, and a manifest over them."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from gateway.access import Door
from gateway.export.deidentify import Deidentifier
from gateway.export.files import whole_file
from gateway.export.folders import Manifest, Output, Progress, earlier

Lines = tuple[bytes, int]
"""Lines with a line feed behind each, and how many they are."""


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
    before = earlier(folder, lambda name: name in {f"{kind}.ndjson" for kind in types})
    outputs = tuple(_output(door, folder, kind, progress, deidentifier) for kind in sorted(set(types)))
    policy = deidentifier.policy.name if deidentifier else ""
    manifest = Manifest(door.principal.study, at, tuple(entry for entry in outputs if entry.count), policy)
    manifest.publish(folder, before | {entry.name for entry in outputs})
    return manifest


def _output(
    door: Door, folder: Path, kind: str, progress: Progress | None, deidentifier: Deidentifier | None
) -> Output:
    name = f"{kind}.ndjson"
    batches = _batches(door, kind, progress)
    left = deidentifier.apply_batches(lines for lines, _ in batches) if deidentifier else batches
    count, digest = _write(folder / name, left)
    return Output(kind, name, count, digest)


def _batches(door: Door, kind: str, progress: Progress | None) -> Iterator[Lines]:
    count = 0
    for batch in door.batches(kind):
        yield batch.lines, batch.count
        count += batch.count
        if progress:
            progress(kind, count)


def _write(path: Path, batches: Iterable[Lines]) -> tuple[int, str]:
    """Writes the lines as a file that appears whole or not at all; how many there are, and their SHA-256."""
    digest, count = hashlib.sha256(), 0
    with whole_file(path) as part, part.open("wb") as file:
        for lines, number in batches:
            digest.update(lines)
            file.write(lines)
            count += number
    return count, digest.hexdigest()
