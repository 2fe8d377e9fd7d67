"""Which codes a ValueSet holds: includes, excludes, filters, imports; and whether it holds one code.

See https://hl7.org/fhir/R4/valueset.html#compositions. A ValueSet that includes itself at some distance, a filter
without value and a set that is too large are refusals, never a loop.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.core import Resource
from gateway.core.errors import NotFound, Unprocessable
from gateway.core.issues import issue
from gateway.terminology.catalog import Catalog
from gateway.terminology.content import Content, Node, canonical_of, dicts
from gateway.terminology.grammar import GRAMMARS

MAX_MEMBERS = 50_000
"""How many codes a value set may have to be expanded."""

MAX_NESTING = 50

SUPPLEMENT = "http://hl7.org/fhir/StructureDefinition/valueset-supplement"

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Member:
    """A code of a value set. `listed` is the element of the ValueSet that lists it, empty when a filter or the whole
    code system brought it; `content` is None when the code system is not here."""

    system: str
    code: str
    version: str
    content: Content | None
    listed: Node
    nests: bool


@dataclass(frozen=True, slots=True)
class Versions:
    """Code system -> version: `default` where a ValueSet names none, `forced` whatever it names, `checked` else the
    expansion is refused."""

    default: Mapping[str, str] = field(default_factory=dict)
    forced: Mapping[str, str] = field(default_factory=dict)
    checked: Mapping[str, str] = field(default_factory=dict)

    def of(self, entry: Node) -> str:
        """The version that an include or exclude means; "" for any."""
        system = entry["system"]
        return self.forced.get(system) or str(entry.get("version", "")) or self.default.get(system, "")


NO_VERSIONS = Versions()


@dataclass(slots=True)
class Membership:
    """Answers over the value sets of one request; notes what it used.

    `supplements` are canonicals that the request asks for, beside those that a ValueSet names itself.
    """

    catalog: Catalog
    supplements: Sequence[str] = ()
    versions: Versions = NO_VERSIONS
    used_systems: dict[str, None] = field(default_factory=dict)
    used_value_sets: dict[str, None] = field(default_factory=dict)
    used_supplements: dict[str, None] = field(default_factory=dict)
    unknown_systems: dict[str, None] = field(default_factory=dict)
    _members: dict[str, dict[Key, Member]] = field(default_factory=dict)
    _judged: dict[tuple[str, str, str], Member | None] = field(default_factory=dict)

    def begin(self, value_set: Resource) -> None:
        """Takes up the supplements that request and ValueSet need; raises `Unprocessable` if one is missing."""
        named = [
            str(extension.get("valueCanonical", ""))
            for extension in dicts(value_set.get("extension"))
            if extension.get("url") == SUPPLEMENT
        ]
        self.supplements = [*self.supplements, *named]
        for name in self.supplements:
            self.catalog.supplement(name)

    def content(self, system: str, version: str = "") -> Content | None:
        """The code system with the supplements; None when its content is not here."""
        found = self.catalog.content(f"{system}|{version}" if version else system, self.supplements)
        if found is not None:
            for extra in found.supplements:
                self.used_supplements[canonical_of(extra)] = None
        return found

    def members(self, value_set: Resource, trail: tuple[str, ...] = ()) -> dict[Key, Member]:
        """Every code in the order of the definition.

        Raises `NotFound` for an unknown import or code system, `Unprocessable` for what cannot be expanded.
        """
        name = _entered(value_set, trail)
        if name not in self._members or not canonical_of(value_set):
            self._members[name] = self._made(value_set, (*trail, name))
        return self._members[name]

    def _made(self, value_set: Resource, inner: tuple[str, ...]) -> dict[Key, Member]:
        compose = value_set.get("compose")
        if not isinstance(compose, dict):
            return dict(_expanded(value_set))
        found: dict[Key, Member] = {}
        for place, entry in enumerate(dicts(compose.get("include"))):
            for key, member in self._entry(value_set, entry, f"include[{place}]", inner).items():
                found.setdefault(key, member)
            if len(found) > MAX_MEMBERS:
                raise Unprocessable(issue("terminology.too-costly", limit=MAX_MEMBERS))
        for place, entry in enumerate(dicts(compose.get("exclude"))):
            for key in self._entry(value_set, entry, f"exclude[{place}]", inner):
                found.pop(key, None)
        return found

    def holds(self, value_set: Resource, system: str, code: str, trail: tuple[str, ...] = ()) -> Member | None:
        """The member with this code; None when the value set does not hold it.

        Code systems that follow a grammar are judged by it. Raises as `members` does.
        """
        name = _entered(value_set, trail)
        key = (name, system, code)
        if key not in self._judged or not canonical_of(value_set):
            self._judged[key] = self._judge(value_set, system, code, (*trail, name))
        return self._judged[key]

    def _judge(self, value_set: Resource, system: str, code: str, inner: tuple[str, ...]) -> Member | None:
        compose = value_set.get("compose")
        if not isinstance(compose, dict):
            return dict(_expanded(value_set)).get((system, code))
        found = self._first(value_set, compose, "include", system, code, inner)
        if found is not None and self._first(value_set, compose, "exclude", system, code, inner) is not None:
            return None
        return found

    def systems(self, value_set: Resource) -> Iterator[str]:
        """The code systems that the ValueSet itself includes from."""
        compose = value_set.get("compose")
        for entry in dicts(compose.get("include")) if isinstance(compose, dict) else ():
            if isinstance(entry.get("system"), str):
                yield entry["system"]

    def imported(self, value_set: Resource, url: str) -> Resource:
        """The ValueSet that `value_set` imports, contained ones by `#id`; raises `NotFound`."""
        if url.startswith("#"):
            for contained in dicts(value_set.get("contained")):
                if contained.get("id") == url[1:]:
                    return dict(contained)
            raise NotFound(issue("terminology.unknown-value-set", value_set=url))
        found = self.catalog.required_value_set(url)
        self.used_value_sets[canonical_of(found)] = None
        return found

    def _first(
        self,
        value_set: Resource,
        compose: Mapping[str, Any],
        part: str,
        system: str,
        code: str,
        trail: tuple[str, ...],
    ) -> Member | None:
        for place, entry in enumerate(dicts(compose.get(part))):
            found = self._holds_entry(value_set, entry, f"{part}[{place}]", (system, code), trail)
            if found is not None:
                return found
        return None

    def _holds_entry(
        self, value_set: Resource, entry: Node, place: str, key: Key, trail: tuple[str, ...]
    ) -> Member | None:
        system, code = key
        imports = [self.imported(value_set, url) for url in entry.get("valueSet", ())]
        found: Member | None = None
        if "system" in entry:
            if entry["system"] != system:
                return None
            found = self._selected_one(entry, place, code)
            if found is None:
                return None
        for other in imports:
            inner = self.holds(other, system, code, trail)
            if inner is None:
                return None
            found = found or inner
        return found

    def _selected_one(self, entry: Node, place: str, code: str) -> Member | None:
        content = self._content_of(entry)
        if content is None:
            grammar = GRAMMARS.get(entry["system"])
            if grammar is not None and not entry.get("concept") and not entry.get("filter"):
                return Member(entry["system"], code, "", None, {}, False) if grammar(code) else None
        member = self._selected(entry, place, content)
        if content is None:
            return member.get(code)
        node = content.node(code)
        return member.get(node["code"]) if node is not None else None

    def _entry(self, value_set: Resource, entry: Node, place: str, trail: tuple[str, ...]) -> dict[Key, Member]:
        parts: list[dict[Key, Member]] = []
        if isinstance(entry.get("system"), str):
            content = self._content_of(entry)
            self._use(entry["system"], self.versions.of(entry), content)
            chosen = self._selected(entry, place, content)
            parts.append({(entry["system"], code): member for code, member in chosen.items()})
        parts += [self.members(self.imported(value_set, url), trail) for url in entry.get("valueSet", ())]
        if not parts:
            return {}
        first, *others = parts
        return {key: member for key, member in first.items() if all(key in other for other in others)}

    def _content_of(self, entry: Node) -> Content | None:
        system = entry["system"]
        content = self.content(system, self.versions.of(entry))
        wanted = self.versions.checked.get(system)
        if wanted and content is not None and content.version != wanted:
            raise Unprocessable(issue("terminology.other-version", system=system, version=wanted))
        return content

    def _use(self, system: str, version: str, content: Content | None) -> None:
        known = content.version if content is not None else version
        self.used_systems[f"{system}|{known}" if known else system] = None

    def _selected(self, entry: Node, place: str, content: Content | None) -> dict[str, Member]:
        """The codes that an include or exclude takes from its code system."""
        system = entry["system"]
        version = content.version if content is not None else ""
        if entry.get("concept"):
            return {
                node["code"]: Member(system, node["code"], version, content, node, False)
                for node in dicts(entry["concept"])
                if "code" in node and (content is None or content.node(node["code"]) is not None)
            }
        filters = dicts(entry.get("filter"))
        _check_filters(system, filters, place)
        if content is None:
            self.unknown_systems[system] = None
            raise NotFound(issue("terminology.unknown-system", system=system))
        codes = _filtered(content, filters)
        return {
            concept.code: Member(system, concept.code, version, content, {}, True)
            for concept in content.compiled.concepts()
            if concept.code in codes
        }


def _entered(value_set: Resource, trail: tuple[str, ...]) -> str:
    """The name of a value set that is reached through those of `trail`; raises `Unprocessable` in a circle."""
    name = canonical_of(value_set) or f"#{value_set.get('id', '')}"
    if name in trail or len(trail) > MAX_NESTING:
        raise Unprocessable(issue("terminology.circular", value_set=name))
    return name


def _check_filters(system: str, filters: Sequence[Node], place: str) -> None:
    for number, entry in enumerate(filters):
        names = {"property": entry.get("property", ""), "op": entry.get("op", "")}
        if not isinstance(entry.get("value"), str) or not entry["value"]:
            where = f"ValueSet.compose.{place}.filter[{number}]"
            raise Unprocessable(issue("terminology.filter-no-value", expression=where, system=system, **names))


def _filtered(content: Content, filters: Sequence[Node]) -> frozenset[str]:
    found = content.compiled.codes
    for entry in filters:
        name, operator = str(entry.get("property", "")), str(entry.get("op", ""))
        picked = content.compiled.filtered(name, operator, entry["value"])
        if picked is None:
            raise Unprocessable(issue("terminology.filter-unknown", system=content.url, property=name, op=operator))
        found &= picked
    return found


def _expanded(value_set: Resource) -> Iterator[tuple[Key, Member]]:
    """The members of a ValueSet that has an expansion and no definition."""
    expansion = value_set.get("expansion")
    open_nodes = dicts(expansion.get("contains"))[::-1] if isinstance(expansion, dict) else []
    while open_nodes:
        node = open_nodes.pop()
        if "code" in node and "system" in node:
            member = Member(node["system"], node["code"], str(node.get("version", "")), None, node, False)
            yield (node["system"], node["code"]), member
        open_nodes.extend(dicts(node.get("contains"))[::-1])
