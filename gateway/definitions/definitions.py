"""Look-ups over R4 and overlays, lazy: nothing is read before it is asked for, and everything once."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Protocol

from gateway.core import Resource, loads
from gateway.core.assets import asset_root
from gateway.core.versions import newest
from gateway.definitions.archive import Archive, Folder
from gateway.definitions.element import PREFIX, Element
from gateway.definitions.element_tree import ElementNode, build_tree, overlay
from gateway.definitions.package import Package
from gateway.definitions.search_parameter import SearchParameter, by_type, read_compartment, read_parameter
from gateway.definitions.snapshot import with_snapshot
from gateway.definitions.structure import Structure, read_structure

MALFORMED = (KeyError, TypeError, ValueError, AttributeError)
"""What reading a resource raises that is not shaped as its type says."""

MOST_UNKNOWN = 1024
"""How many names of unknown structures are remembered."""

LONGEST_UNKNOWN = 256

PLAIN = frozenset({"Binary", "Bundle", "Parameters"})
"""The resource types of R4 that are no DomainResource; to ask the definitions would take eleven megabytes."""


class Source(Protocol):
    """Where canonical resources come from: an archive, a folder, a package."""

    def find(self, url: str) -> list[Resource]:
        """The resources with this canonical URL, in any version."""

    def all(self) -> Iterator[Resource]:
        """Every resource."""

    def has(self, kind: str) -> bool:
        """False when no resource of this kind can be in it."""


class Definitions:
    """Structures, search parameters, compartments and canonical resources; later sources win over earlier ones.

    Look-ups are pure and cached, and may be called from several threads.
    """

    def __init__(self, *sources: Source, types: Iterable[str] = ()) -> None:
        self._sources = sources
        self._types = frozenset(types)
        self._structures: dict[str, Structure] = {}
        self._unknown: set[str] = set()
        self._parameters: dict[tuple[str, str], Mapping[str, SearchParameter]] = {}
        self._trees: dict[str, ElementNode | None] = {}
        self._children: dict[str, Mapping[str, Element]] = {}
        self._bases: dict[str, dict[str, dict[str, Resource]]] = {}
        self._own: dict[str, bool] = {}

    @classmethod
    def load(cls, *roots: Traversable) -> "Definitions":
        """R4 and the product's own definitions, overlaid by `roots`: folders of JSON files, and packages (`.tgz`)."""
        return cls.of(r4(), *(Package(root) if root.is_file() else Folder(root) for root in roots))

    @classmethod
    def of(cls, base: "Definitions", *sources: Source) -> "Definitions":
        """The definitions of `base`, overlaid by more sources."""
        return cls(*base._sources, *sources, types=base._types)

    def canonical(self, url: str) -> Resource | None:
        """The resource with this canonical URL, `|version` respected where given; None when unknown."""
        return self._find(url, "")

    def value_set(self, url: str) -> Resource | None:
        """The ValueSet with this canonical URL; None when unknown."""
        return self._find(url, "ValueSet")

    def code_system(self, url: str) -> Resource | None:
        """The CodeSystem with this canonical URL; None when unknown."""
        return self._find(url, "CodeSystem")

    def concept_map(self, url: str) -> Resource | None:
        """The ConceptMap with this canonical URL; None when unknown."""
        return self._find(url, "ConceptMap")

    def _find(self, url: str, kind: str) -> Resource | None:
        found = self._locate(url, kind)
        return found[0] if found is not None else None

    def _locate(self, url: str, kind: str) -> tuple[Resource, Source] | None:
        plain, _, version = url.partition("|")
        for source in reversed(self._sources):
            if kind and not source.has(kind):
                continue
            found = newest(
                resource
                for resource in source.find(plain)
                if (not version or resource.get("version") == version) and kind in ("", resource["resourceType"])
            )
            if found is not None:
                return found, source
        return None

    def structure(self, url_or_type: str) -> Structure | None:
        """The structure of a canonical URL or of a type name; None when unknown, or too malformed to be read."""
        known = self._structures.get(url_or_type)
        if known is None and url_or_type not in self._unknown:
            url = url_or_type if ":" in url_or_type else PREFIX + url_or_type
            found = self._locate(url, "StructureDefinition")
            known = _readable(*found) if found is not None else None
            if known is not None:
                self._structures[url_or_type] = known
            elif len(self._unknown) < MOST_UNKNOWN and len(url_or_type) <= LONGEST_UNKNOWN:
                # Of the unknown some are remembered: data name them, and there is no end to names.
                self._unknown.add(url_or_type)
        return known

    def tree(self, url_or_type: str) -> ElementNode | None:
        """The elements of a structure as a tree, a differential laid over its base's tree; None when unknown.

        A base that is unknown, or that is the structure itself at some distance, counts as no base.
        """
        if url_or_type not in self._trees:
            chain: list[Structure] = []
            structure = self.structure(url_or_type)
            while structure is not None and structure not in chain:
                chain.append(structure)
                if structure.snapshot or structure.base is None:
                    break
                structure = self.structure(structure.base)
            tree = None
            for entry in reversed(chain):
                own = build_tree(entry.elements)
                tree = overlay(tree, own) if tree is not None and own is not None else own or tree
            self._trees[url_or_type] = tree
        return self._trees[url_or_type]

    def with_snapshot(self, profile: Resource) -> Resource | None:
        """A StructureDefinition with the snapshot that its differential makes; None when its base is not known."""
        return with_snapshot(profile, lambda url: self._find(url, "StructureDefinition"))

    def children(self, path: str) -> Mapping[str, Element]:
        """Name -> element, directly below a type or a backbone path of a base type (`Patient`, `Patient.contact`).

        A choice has its `value[x]` name. Content references are followed: `Questionnaire.item.item` has the children
        of `Questionnaire.item`. Empty when the path is unknown or has none of its own (its type has them).
        """
        if path not in self._children:
            structure = self.structure(path.partition(".")[0])
            found: dict[str, Element] = {}
            if structure is not None:
                real = self._follow(structure, path)
                found = structure.elements.below(real)
            if not found:
                return found
            self._children[path] = MappingProxyType(found)
        return self._children[path]

    def element(self, path: str) -> Element | None:
        """The element at a path of a base type, `Observation.value[x]`; None when there is no such element."""
        parent, dot, name = path.rpartition(".")
        if not dot:
            structure = self.structure(path)
            return structure.elements[0] if structure else None
        return self.children(parent).get(name)

    def element_definition(self, path: str) -> Resource | None:
        """As `element`, the ElementDefinition as a tree, without prose; not to be changed."""
        element = self.element(path)
        resource = (
            None if element is None else self._find(PREFIX + element.path.partition(".")[0], "StructureDefinition")
        )
        entries = [] if resource is None or element is None else resource["snapshot"]["element"]
        return next((entry for entry in entries if element is not None and entry["path"] == element.path), None)

    def _follow(self, structure: Structure, path: str) -> str:
        """The path with every content reference on the way replaced by what it refers to."""
        first, *steps = path.split(".")
        real = first
        for step in steps:
            real = f"{real}.{step}"
            reference = structure.elements.reference(real)
            if reference is not None:
                real = reference.rpartition("#")[2]
        return real

    def types(self) -> frozenset[str]:
        """The names of the resource types that have instances (146 in R4)."""
        return self._types

    def is_resource(self, name: str) -> bool:
        """True for the name of a resource type, abstract ones included."""
        structure = self._base(name)
        return structure is not None and structure.kind == "resource"

    def is_primitive(self, name: str) -> bool:
        """True for the name of a primitive type."""
        structure = self._base(name)
        return structure is not None and structure.kind == "primitive-type"

    def is_subtype(self, name: str, of: str) -> bool:
        """True when type `name` is `of` or is derived from it by specialization, at any distance."""
        while name != of:
            structure = self._base(name)
            if structure is None or structure.base is None:
                return False
            name = structure.base.removeprefix(PREFIX)
        return self._base(of) is not None

    def _base(self, name: str) -> Structure | None:
        structure = self.structure(name)
        return structure if structure is not None and structure.derivation != "constraint" else None

    def search_parameters(self, type_name: str, study: str = "") -> Mapping[str, SearchParameter]:
        """Code -> parameter of a resource type, those of Resource and DomainResource included; empty if unknown.

        Those in the folder of a study are left out, but for those of `study`.
        """
        known = self._parameters.get((type_name, study))
        if known is None:
            if study not in self._bases:
                self._bases[study] = by_type(self._parameters_for(study))
            found: dict[str, SearchParameter] = {}
            for base in self._searched_by(type_name):
                for code, resource in self._bases[study].get(base, {}).items():
                    found[code] = read_parameter(resource, type_name)
            known = self._parameters[type_name, study] = MappingProxyType(found)
        return known

    def has_own_parameters(self, study: str) -> bool:
        """Whether search parameters are in the folder of the study."""
        known = self._own.get(study)
        if known is None:
            folders = (source for source in self._sources if isinstance(source, Folder))
            known = self._own[study] = any(folder.has_in_study("SearchParameter", study) for folder in folders)
        return known

    @cached_property
    def _owners(self) -> dict[int, str]:
        """The identity of each search parameter that is in the folder of a study -> the study."""
        folders = (source for source in self._sources if isinstance(source, Folder))
        return {id(one): study for folder in folders for one, study in folder.of_studies("SearchParameter")}

    def _parameters_for(self, study: str) -> Iterator[Resource]:
        for one in self.all("SearchParameter"):
            if self._owners.get(id(one), study) == study:
                yield one

    def _searched_by(self, name: str) -> tuple[str, ...]:
        """The types whose parameters a resource type has; of those of R4 no definition is read for this."""
        if name in self._types:
            return ("Resource", name) if name in PLAIN else ("Resource", "DomainResource", name)
        bases = ("Resource", "DomainResource", name) if self.is_resource(name) else ()
        return tuple(base for base in bases if self.is_subtype(name, base))

    def compartment(self, name: str) -> Mapping[str, tuple[str, ...]]:
        """Resource type -> codes of the parameters that link it to the compartment `name`; empty if unknown."""
        url = f"http://hl7.org/fhir/CompartmentDefinition/{name[:1].lower()}{name[1:]}"
        resource = self._find(url, "CompartmentDefinition")
        return read_compartment(resource) if resource is not None else {}

    def all(self, kind: str) -> Iterator[Resource]:
        """Every resource of a kind (`SearchParameter`), those of later sources after those of earlier ones."""
        for source in self._sources:
            for resource in source.all() if source.has(kind) else ():
                if resource["resourceType"] == kind:
                    yield resource


def _readable(resource: Resource, source: Source) -> Structure | None:
    """The structure of a resource; None where an element is none. Those of the archives are known to be sound."""
    try:
        structure = read_structure(resource)
        if not isinstance(source, Archive):
            tuple(structure.elements)
    except MALFORMED:
        return None
    return structure


@cache
def r4() -> Definitions:
    """R4 4.0.1 with the product's own definitions and terminology; cached."""
    profiles, terminology = asset_root("profiles"), asset_root("terminology")
    folders = {kind: terminology.joinpath(kind) for kind in ("codesystems", "valuesets", "conceptmaps")}
    archives = (
        Archive(profiles.joinpath("r4", "search.zip"), "SearchParameter", "CompartmentDefinition"),
        Archive(profiles.joinpath("r4", "extensions.zip"), "StructureDefinition"),
        Archive(profiles.joinpath("r4", "structures.zip"), "StructureDefinition"),
        Archive(folders["conceptmaps"].joinpath("r4.zip"), "ConceptMap"),
        Archive(folders["codesystems"].joinpath("r4.zip"), "CodeSystem"),
        Archive(folders["valuesets"].joinpath("r4.zip"), "ValueSet"),
    )
    own = (profiles.joinpath("gateway"), profiles.joinpath("questionnaires"), *folders.values())
    types = loads(profiles.joinpath("r4", "types.json").read_bytes())
    return Definitions(*archives, *(Folder(folder) for folder in own if folder.is_dir()), types=types)
