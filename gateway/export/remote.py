"""Takes a finished export to a place that fsspec knows (`s3://`, `gs://`, `sftp://` ...): its manifest comes last.

What stands there without a manifest is no export. See https://filesystem-spec.readthedocs.io/.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.core.codec import dumps
from gateway.core.errors import BadRequest, FhirError, Unavailable
from gateway.core.issues import issue
from gateway.export.folders import MANIFEST, UNFINISHED, listed, require_own

_BUCKETS: Final = frozenset(("abfs", "abfss", "az", "gcs", "gs", "oss", "s3", "s3a"))
"""Systems without folders, which would take the making of one for the making of a bucket."""


def is_remote(place: str) -> bool:
    """Whether a place is an address and not a path."""
    return "://" in place


def require_place(place: str) -> None:
    """Raises `BadRequest` for an address that cannot be used here, as `upload` would after all the work."""
    _opened(place)


def upload(folder: Path, place: str, progress: Callable[[str], None] | None = None) -> None:
    """Copies the files that the manifest in `folder` lists to the address `place`, then the manifest.

    Credentials are given as the file system's package finds them (environment, its own files), never in the address,
    which others can read. An earlier export there is replaced: its manifest is removed first, its other files before
    the new manifest is written. Raises `Conflict` when anything else is there, `BadRequest` for an address that
    cannot be used here, and `Unavailable` when it does not answer; then this export has no manifest there.
    """
    system, root = _opened(place)
    try:
        before = _earlier(system, root)
        names = sorted(listed((folder / MANIFEST).read_bytes()))
        if not _BUCKETS.intersection([system.protocol] if isinstance(system.protocol, str) else system.protocol):
            system.makedirs(root, exist_ok=True)
        own = [{"url": name} for name in sorted({*before, *names})]
        system.pipe_file(f"{root}/{UNFINISHED}", dumps({"output": own}))
        if MANIFEST in before:
            system.rm_file(f"{root}/{MANIFEST}")
        for name in names:
            if progress:
                progress(name)
            _put(system, folder / name, f"{root}/{name}")
        for name in sorted(before - {MANIFEST, UNFINISHED, *names}):
            system.rm_file(f"{root}/{name}")
        _put(system, folder / MANIFEST, f"{root}/{MANIFEST}")
        with suppress(Exception):  # what is left of it hinders nobody
            system.rm_file(f"{root}/{UNFINISHED}")
    except FhirError:
        raise
    except Exception:  # each system has errors of its own, whose texts may hold addresses and keys
        raise Unavailable(issue("export.remote-failed")) from None


def _opened(place: str) -> tuple[Any, str]:
    if "@" in urlsplit(place).netloc:
        raise BadRequest(issue("export.remote-address"))
    try:
        import fsspec
    except ImportError:
        raise BadRequest(issue("export.remote-extra", name="fsspec")) from None
    try:
        system, root = fsspec.core.url_to_fs(place)
    except ImportError as error:
        raise BadRequest(issue("export.remote-extra", name=error.name or "the file system's package")) from None
    except Exception:  # what a package says of an address or of its own settings may hold keys
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
    lists = [name for name in (MANIFEST, UNFINISHED) if name in found]
    known = {name for one in lists for name in listed(system.cat_file(f"{root}/{one}"))}
    require_own(found.difference(lists), lambda name: name in known)
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
