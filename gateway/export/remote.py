"""Takes a finished export to a place that fsspec knows (`s3://`, `gs://`, `sftp://` ...): its manifest comes last.

What stands there without a manifest is no export. See https://filesystem-spec.readthedocs.io/.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from gateway.core.errors import BadRequest, Unavailable
from gateway.core.issues import issue
from gateway.export.folders import MANIFEST, listed, require_own

EXTRA: Final = "remote"


def is_remote(place: str) -> bool:
    """Whether a place is an address and not a path."""
    return "://" in place


def upload(folder: Path, place: str, progress: Callable[[str], None] | None = None) -> None:
    """Copies the files that the manifest in `folder` lists to the address `place`, then the manifest.

    An earlier export there is replaced: its manifest is removed first, its other files before the new manifest is
    written. Raises `Conflict` when anything else is there, `BadRequest` for an address that cannot be used here, and
    `Unavailable` when it does not answer; then no manifest is there.
    """
    system, root = _opened(place)
    try:
        before = _earlier(system, root)
        if MANIFEST in before:
            system.rm_file(f"{root}/{MANIFEST}")
        system.makedirs(root, exist_ok=True)
        names = sorted(listed((folder / MANIFEST).read_bytes()))
        for name in names:
            if progress:
                progress(name)
            _put(system, folder / name, f"{root}/{name}")
        for name in sorted(before - {MANIFEST, *names}):
            system.rm_file(f"{root}/{name}")
        _put(system, folder / MANIFEST, f"{root}/{MANIFEST}")
    except OSError:
        raise Unavailable(issue("export.remote-failed")) from None


def _opened(place: str) -> tuple[Any, str]:
    try:
        import fsspec
    except ImportError:
        raise BadRequest(issue("export.remote-extra", name="fsspec")) from None
    try:
        system, root = fsspec.core.url_to_fs(place)
    except ImportError as error:
        raise BadRequest(issue("export.remote-extra", name=error.name or "the file system's package")) from None
    except (ValueError, OSError):
        raise BadRequest(issue("export.remote-address")) from None
    root = root.rstrip("/")
    if not root:
        raise BadRequest(issue("export.remote-address"))
    return system, root


def _earlier(system: Any, root: str) -> set[str]:
    """The names of what an earlier export left."""
    system.invalidate_cache()
    try:
        found = {str(path).rstrip("/").rsplit("/", 1)[-1] for path in system.ls(root, detail=False)}
    except FileNotFoundError:
        return set()
    known = listed(system.cat_file(f"{root}/{MANIFEST}")) if MANIFEST in found else set()
    require_own(found - {MANIFEST}, lambda name: name in known)
    return found


def _put(system: Any, file: Path, place: str) -> None:
    """One file, under another name until it is whole; where a system has no other way, a whole object at once."""
    part = f"{place}.part"
    try:
        system.put_file(str(file), part)
        system.mv(part, place)
    except BaseException:
        with suppress(Exception):
            system.rm_file(part)
        raise
