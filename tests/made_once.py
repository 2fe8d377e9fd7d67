"""The pure parts of a gateway, made once for all gateways of a test process that are made of the same files.

Definitions, search parameters, the validator, compiled mappings and the text of statements hold nothing of an
installation, and nothing that is done changes them; to make them is most of what it takes to build a gateway, and
hundreds of tests build one.
"""

from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import pytest

import gateway.app
from gateway.app import Engines, engines
from gateway.core.assets import AssetKind, asset_root
from gateway.definitions import Definitions
from gateway.mapping import MappingRegistry
from gateway.settings import Settings
from gateway.store.sql.database import Database
from gateway.terminology import Terminology
from tests.compiled_once import CompiledOnce

Made = TypeVar("Made")
KEPT = 4
"""How many of a kind are kept; tests with assets of their own take turns."""


class Once:
    """What was made last, by what it was made of."""

    def __init__(self) -> None:
        self._made: dict[Hashable, Any] = {}

    def get(self, of: Hashable, make: Callable[[], Made]) -> Made:
        """What is there, else what `make` makes; what it raises is not kept."""
        made: Made = self._made.pop(of) if of in self._made else make()
        self._made[of] = made
        while len(self._made) > KEPT:
            del self._made[next(iter(self._made))]
        return made


@contextmanager
def made_once() -> Iterator[None]:
    """Inside, gateways that are built share their pure parts."""
    engines_of, mappings_of, load = Once(), Once(), MappingRegistry.load

    def shared_engines(settings: Settings) -> Engines:
        if settings.terminology_url:
            return engines(settings)
        return engines_of.get((_contents(settings.asset_dirs), settings.full_text), lambda: engines(settings))

    def shared_mappings(
        roots: Sequence[Traversable],
        definitions: Definitions,
        terminology: Terminology | None = None,
        concept_maps: Sequence[Traversable] = (),
        only: Collection[str] | None = None,
    ) -> MappingRegistry:
        of = (_contents((*roots, *concept_maps)), definitions, terminology, None if only is None else frozenset(only))
        return mappings_of.get(of, lambda: load(roots, definitions, terminology, concept_maps, only))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway.app, "engines", shared_engines)
        patch.setattr(MappingRegistry, "load", shared_mappings)
        patch.setattr(Database, "prepare", CompiledOnce().around(Database.prepare))
        yield


def _contents(folders: Sequence[Traversable | Path]) -> Hashable:
    """A digest of all files of each folder; the product's own do not change while tests run."""
    kinds: tuple[AssetKind, ...] = ("mappings", "profiles", "terminology")
    own = {str(asset_root(kind)) for kind in kinds}
    return tuple(str(folder) if str(folder) in own else _digest(Path(str(folder))) for folder in folders)


def _digest(folder: Path) -> tuple[str, str]:
    state = blake2b()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        body = file.read_bytes()
        state.update(f"{file.relative_to(folder)}\0{len(body)}\0".encode() + body)
    return str(folder), state.hexdigest()
