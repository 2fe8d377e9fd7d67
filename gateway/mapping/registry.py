"""The mappings of the asset folders: a folder with a `mapping.yaml` is a registration."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from importlib.resources.abc import Traversable
from typing import Any

from gateway.core import Issue, issue
from gateway.core.assets import asset_root
from gateway.core.errors import NotFound, Unprocessable
from gateway.core.issues import any_blocks
from gateway.definitions import Definitions
from gateway.formats import Decoded
from gateway.mapping.assets import Asset, assets_of
from gateway.mapping.fast.generate import generate
from gateway.mapping.language.load import FILE_NAME, Loaded, Surroundings, load_folder
from gateway.mapping.mapping import Mapping, Source
from gateway.mapping.match import Match
from gateway.mapping.parts import Part, parts_of
from gateway.mapping.short_way import short_way
from gateway.terminology import Terminology

_MAX_DEPTH = 4
_ID_LINE = re.compile(rb"^mapping: ([A-Za-z0-9.-]+)[ \t]*(?:#.*)?\r?$", re.MULTILINE)


class MappingRegistry:
    """Every mapping by id; immutable."""

    def __init__(self, mappings: Sequence[Mapping]) -> None:
        self._mappings = {mapping.id: mapping for mapping in mappings}

    @classmethod
    def load(
        cls,
        roots: Sequence[Traversable],
        definitions: Definitions,
        terminology: Terminology | None = None,
        concept_maps: Sequence[Traversable] = (),
        only: Collection[str] | None = None,
    ) -> "MappingRegistry":
        """The mappings below `roots`; a folder of a later root replaces the same folder of an earlier one.

        `terminology` checks literal codes against required value sets; without it they are not checked.
        `concept_maps` are further roots that `terminology/...` is looked up in, after the product's own. With `only`
        mappings of other ids are left alone: neither compiled nor checked. Raises `Unprocessable` with the faults of
        all files at once.
        """
        around = Surroundings(definitions, terminology, (asset_root("terminology"), *concept_maps))
        folders: dict[str, Traversable] = {}
        for root in roots:
            folders |= dict(find_folders(root))
        mappings: dict[str, Mapping] = {}
        faults: list[Issue] = []
        for name, folder in sorted(folders.items()):
            if only is not None and _declared_id(folder) not in (None, *only):
                continue
            mapping, issues = read_mapping(folder, name, around)
            faults += [found for found in issues if found.blocks]
            if mapping is not None and mapping.id in mappings:
                faults.append(issue("mapping.duplicate-mapping", mapping=f"{name}/{FILE_NAME}", name=mapping.id))
            elif mapping is not None:
                mappings[mapping.id] = mapping
        if faults:
            raise Unprocessable(*faults)
        return cls(tuple(mappings.values()))

    def all(self) -> tuple[Mapping, ...]:
        """Every mapping, by id."""
        return tuple(self._mappings[name] for name in sorted(self._mappings))

    def get(self, mapping: str) -> Mapping:
        """The mapping with this id; raises `NotFound`."""
        try:
            return self._mappings[mapping]
        except KeyError:
            raise NotFound(issue("mapping.unknown-mapping", name=mapping)) from None

    def find(self, source_mappings: Sequence[str], tree: Any, format: str | None = None) -> Mapping:
        """The first of a source's mappings that takes the payload; retired ones take none.

        `format` is the one that the payload was decoded by, None for any. Raises `Unprocessable` (`mapping.no-match`)
        when there is none, `NotFound` for an id that there is not.
        """
        return _first(self._candidates(source_mappings, format), source_mappings, lambda mapping: mapping.takes(tree))

    def parts(self, source_mappings: Sequence[str], decoded: Decoded, format: str | None = None) -> tuple[Part, ...]:
        """The mappings that read a payload, in the order of the source, each with what of it is its own.

        Mostly one with the whole payload, as `find` gives it, and raises; several where the payload holds members
        that different mappings of the source call their own.
        """
        candidates = self._candidates(source_mappings, format)
        first = _first(candidates, source_mappings, lambda mapping: mapping.reads(decoded))
        return parts_of(first, candidates, decoded)

    def _candidates(self, names: Sequence[str], format: str | None) -> list[Mapping]:
        known = [self.get(name) for name in names]
        return [one for one in known if one.status != "retired" and format in (None, one.format)]


def _first(candidates: Sequence[Mapping], tried: Sequence[str], takes: Callable[[Mapping], bool]) -> Mapping:
    for mapping in candidates:
        if takes(mapping):
            return mapping
    raise Unprocessable(issue("mapping.no-match", tried=", ".join(tried)))


def _declared_id(folder: Traversable) -> str | None:
    """The id that a mapping file gives in a plain line; None when only reading the whole file tells."""
    found = _ID_LINE.search(folder.joinpath(FILE_NAME).read_bytes())
    return found[1].decode() if found else None


def find_folders(root: Traversable, path: str = "", depth: int = 0) -> Iterator[tuple[str, Traversable]]:
    """Name below the root and folder of every mapping, `google-health/heart-rate`."""
    if not root.is_dir() or depth > _MAX_DEPTH:
        return
    if root.joinpath(FILE_NAME).is_file():
        yield path or root.name, root
        return
    for child in root.iterdir():
        if child.is_dir() and not child.name.startswith((".", "_")):
            yield from find_folders(child, f"{path}/{child.name}" if path else child.name, depth + 1)


def read_mapping(folder: Traversable, name: str, around: Surroundings) -> tuple[Mapping | None, tuple[Issue, ...]]:
    """The compiled mapping of a folder, None when it has faults; and all findings, warnings included."""
    loaded = load_folder(folder, f"{name}/{FILE_NAME}", around)
    if loaded.plan is None or any_blocks(loaded.issues):
        return None, loaded.issues
    return _mapping(loaded, name, assets_of(loaded.head, folder, around)), loaded.issues


def _mapping(loaded: Loaded, name: str, assets: tuple[Asset, ...]) -> Mapping:
    head, plan = loaded.head, loaded.plan
    if plan is None:
        raise ValueError("a mapping without a plan cannot be compiled")
    source, fast = head["source"], generate(plan)
    return Mapping(
        id=plan.id,
        version=plan.version,
        status=head["status"],
        describe=head["describe"],
        folder=name,
        source=Source(
            source["format"], source.get("options", {}), loaded.schema is not None, tuple(source.get("members", ()))
        ),
        plan=plan,
        fast=fast,
        short=short_way(plan, fast),
        match=Match.of(plan, fast),
        schema=loaded.schema,
        warnings=loaded.issues,
        tests=tuple(head.get("tests", ())),
        assets=assets,
    )
