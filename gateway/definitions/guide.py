"""Implementation guides given as a folder or a package, with the packages that they depend on.

See https://hl7.org/fhir/R4/packages.html.
"""

from collections.abc import Iterator
from pathlib import Path

from gateway.core import Issue, issue, loads
from gateway.core.errors import BadRequest
from gateway.definitions.archive import Folder
from gateway.definitions.package import Package

BUILT_IN = frozenset({"hl7.fhir.r4.core"})
"""Packages that are here anyhow."""


def read_guides(*roots: Path) -> tuple[tuple[Folder | Package, ...], tuple[Issue, ...]]:
    """The sources of the guides, each after those that it depends on, and an issue for each dependency not found.

    A dependency is looked for beside the guide, as `name-version.tgz`, `name#version.tgz` or a folder of either name.
    Raises `BadRequest` for a file that is no package.
    """
    sources: dict[Path, Folder | Package] = {}
    missing: list[Issue] = []
    for root in roots:
        _add(root.resolve(), sources, missing, ())
    return tuple(sources.values()), tuple(missing)


def _add(root: Path, sources: dict[Path, Folder | Package], missing: list[Issue], above: tuple[Path, ...]) -> None:
    if root in sources or root in above:
        return
    source = Folder(root) if root.is_dir() else Package(root)
    for name, version in _dependencies(root, source):
        found = _beside(root, name, version)
        if found is not None:
            _add(found, sources, missing, (*above, root))
        elif name not in BUILT_IN:
            missing.append(issue("conformance.dependency-missing", source=f"{name}#{version}"))
    sources[root] = source


def _dependencies(root: Path, source: Folder | Package) -> Iterator[tuple[str, str]]:
    stated = source.manifest() if isinstance(source, Package) else _manifest_of(root)
    found = stated.get("dependencies") if isinstance(stated, dict) else None
    for name, version in found.items() if isinstance(found, dict) else ():
        if isinstance(version, str) and not {"/", "\\"} & {*name, *version}:
            yield name, version


def _manifest_of(folder: Path) -> object:
    for file in (folder / "package.json", folder / "package" / "package.json"):
        try:
            return loads(file.read_bytes())
        except (OSError, BadRequest):
            continue
    return None


def _beside(root: Path, name: str, version: str) -> Path | None:
    for stem in (f"{name}-{version}", f"{name}#{version}"):
        for candidate in (root.parent / f"{stem}.tgz", root.parent / stem):
            if candidate.exists():
                return candidate
    return None
