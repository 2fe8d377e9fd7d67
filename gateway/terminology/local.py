"""The terminology that is at hand: what the definitions hold, compiled at first use and kept."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from gateway.core import Resource
from gateway.terminology.code_system import CodeSystem
from gateway.terminology.concept_map import ConceptMap
from gateway.terminology.grammar import GRAMMARS
from gateway.terminology.port import Canonicals, CodeCheck, Coding, Concept, Expansion, Subsumption, SystemCheck
from gateway.terminology.value_set import Compiler, ValueSet

MAX_NESTING = 50
"""How deep value sets may include each other; deeper ones count as unknown."""


Compiled = TypeVar("Compiled")


def _read(compile: Callable[[Resource], Compiled], resource: Resource | None) -> Compiled | None:
    """What is compiled from a resource; a malformed one counts as unknown, so that its codes are undecided."""
    try:
        return compile(resource) if resource is not None else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


class LocalTerminology:
    """Answers over code systems, value sets and concept maps in memory; pure, cached, safe for several threads.

    `canonicals` is where the resources come from, usually `gateway.definitions.Definitions`.
    """

    def __init__(self, canonicals: Canonicals) -> None:
        self._canonicals = canonicals
        self._systems: dict[str, CodeSystem] = {}
        self._value_sets: dict[str, ValueSet] = {}
        self._maps: dict[str, ConceptMap] = {}

    def code_system(self, url: str) -> CodeSystem | None:
        """The compiled code system; None when there is none, or when only its name is known."""
        known = self._systems.get(url)
        if known is None:
            known = _read(CodeSystem, self._canonicals.code_system(url))
            if known is not None:
                # What is unknown is not remembered: data name it, and there is no end to names.
                self._systems[url] = known
        return known

    def value_set(self, url: str, _open: frozenset[str] = frozenset()) -> ValueSet | None:
        """The compiled value set; None when unknown. A value set that includes itself takes nothing from itself."""
        known = self._value_sets.get(url)
        if known is None:
            if url in _open or len(_open) > MAX_NESTING:
                return None
            resource = self._canonicals.value_set(url)
            inner = _open | {url}
            compiler = Compiler(self.code_system, lambda other: self.value_set(other, inner))
            known = _read(compiler.compile, resource)
            if known is not None:
                self._value_sets[url] = known
        return known

    def validate_code(self, system: str | None, code: str, value_set: str) -> CodeCheck:
        """See `Terminology.validate_code`."""
        compiled = self.value_set(value_set)
        if compiled is None:
            return CodeCheck(None, "terminology.value-set-unknown")
        verdict = compiled.judge(system, code)
        if verdict is None:
            return CodeCheck(None, "terminology.content-missing")
        if verdict is False:
            return CodeCheck(False, "terminology.not-in-value-set")
        selection = compiled.selections.get(system) if system is not None else None
        return CodeCheck(True, "", selection.codes.get(code, "") if selection is not None else "")

    def check_code(self, system: str, code: str) -> SystemCheck:
        """See `Terminology.check_code`."""
        if system in GRAMMARS:
            return SystemCheck(GRAMMARS[system](code))
        found = self.code_system(system)
        concept = found.concept(code) if found is not None else None
        if found is None or (concept is None and not found.complete):
            return SystemCheck(None)
        if concept is None:
            return SystemCheck(False, version=found.version)
        names = (concept.display, *concept.designations) if concept.display else concept.designations
        return SystemCheck(True, names, found.version)

    def expand(
        self, value_set: str, *, text: str = "", offset: int = 0, count: int | None = None
    ) -> Expansion | None:
        """See `Terminology.expand`; `text` is compared without regard to case."""
        compiled = self.value_set(value_set)
        if compiled is None:
            return None
        wanted = text.casefold()
        codings = [
            coding
            for coding in compiled.codings()
            if wanted in coding.display.casefold() or wanted in coding.code.casefold()
        ]
        last = len(codings) if count is None else offset + count
        return Expansion(tuple(codings[offset:last]), len(codings), compiled.complete)

    def knows(self, system: str) -> bool:
        """True when every code of the system can be judged: all content is here, or a grammar decides."""
        found = self.code_system(system)
        return system in GRAMMARS or (found is not None and found.complete)

    def lookup(self, system: str, code: str) -> Concept | None:
        """See `Terminology.lookup`; a code of a grammar (a unit, a language) is its own display."""
        found = self.code_system(system)
        concept = found.concept(code) if found is not None else None
        if concept is None and system in GRAMMARS and GRAMMARS[system](code):
            return Concept(system, code, code)
        return concept

    def subsumes(self, system: str, a: str, b: str) -> Subsumption | None:
        """See `Terminology.subsumes`."""
        found = self.code_system(system)
        if found is None or found.concept(a) is None or found.concept(b) is None:
            return None
        if found.key(a) == found.key(b):
            return "equivalent"
        if b in found.descendants(a):
            return "subsumes"
        return "subsumed-by" if a in found.descendants(b) else "not-subsumed"

    def concept_map(self, url: str) -> ConceptMap | None:
        """The compiled concept map; None when unknown."""
        known = self._maps.get(url)
        if known is None:
            resource = self._canonicals.concept_map(url)
            known = _read(lambda found: ConceptMap(found, self.concept_map), resource)
            if known is not None:
                self._maps[url] = known
        return known

    def translate(self, system: str, code: str, concept_map: str) -> tuple[Coding, ...]:
        """See `Terminology.translate`."""
        found = self.concept_map(concept_map)
        return found.translate(system, code) if found is not None else ()

    def ask(self, operation: str, inputs: Mapping[str, str]) -> Resource | None:
        """See `Terminology.ask`: nobody is asked."""
        return None
