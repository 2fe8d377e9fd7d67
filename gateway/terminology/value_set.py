"""A ValueSet compiled: sets of codes a system where they can be known, three-valued tests where they cannot.

Membership answers True, False or None (not decidable with the content at hand).
See https://hl7.org/fhir/R4/valueset.html#compositions.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.core import Resource
from gateway.terminology.code_system import CodeSystem
from gateway.terminology.grammar import GRAMMARS
from gateway.terminology.port import Coding

Verdict = bool | None


@dataclass(frozen=True, slots=True)
class Selection:
    """The codes that a value set takes from one system.

    `codes` maps each known code to its display. `test` judges a code that is not among them: None when there are no
    others. `complete` is False when `codes` is not all of the selection.
    """

    codes: Mapping[str, str]
    test: Callable[[str], Verdict] | None = None
    complete: bool = True

    def judge(self, code: str) -> Verdict:
        """Whether the code is selected."""
        if code in self.codes:
            return True
        return self.test(code) if self.test is not None else False


@dataclass(frozen=True, slots=True)
class ValueSet:
    """Selections a system; `unknown` is True when a part (another value set) could not be read at all."""

    selections: Mapping[str, Selection]
    unknown: bool = False

    def judge(self, system: str | None, code: str) -> Verdict:
        """Whether the code of the system (None: of any of the systems) is in the value set."""
        if system is not None:
            selection = self.selections.get(system)
            verdict = selection.judge(code) if selection is not None else False
        else:
            verdict = either(selection.judge(code) for selection in self.selections.values())
        return None if verdict is False and self.unknown else verdict

    @property
    def complete(self) -> bool:
        """True when every code of the value set is known."""
        return not self.unknown and all(selection.complete for selection in self.selections.values())

    def codings(self) -> Iterable[Coding]:
        """The known codes in the order of the definition."""
        for system, selection in self.selections.items():
            for code, display in selection.codes.items():
                yield Coding(system, code, display)


EMPTY = ValueSet({}, unknown=True)
"""What stands for a value set that is not known."""


def either(verdicts: Iterable[Verdict]) -> Verdict:
    """Three-valued or."""
    result: Verdict = False
    for verdict in verdicts:
        if verdict:
            return True
        if verdict is None:
            result = None
    return result


def both(first: Verdict, second: Verdict) -> Verdict:
    """Three-valued and."""
    if first is False or second is False:
        return False
    return None if first is None or second is None else True


def negate(verdict: Verdict) -> Verdict:
    """Three-valued not."""
    return None if verdict is None else not verdict


class Compiler:
    """Compiles ValueSet resources; `systems` and `value_sets` look up what they refer to."""

    def __init__(
        self, systems: Callable[[str], CodeSystem | None], value_sets: Callable[[str], ValueSet | None]
    ) -> None:
        self._systems = systems
        self._value_sets = value_sets

    def compile(self, resource: Resource) -> ValueSet:
        """The compiled value set; a part that is malformed or unknown makes its codes undecidable, never an error."""
        compose = resource.get("compose")
        if not isinstance(compose, dict):
            return _from_expansion(resource)
        included = _union(self._component(entry) for entry in _dicts(compose.get("include")))
        excluded = _union(self._component(entry) for entry in _dicts(compose.get("exclude")))
        return _difference(included, excluded) if excluded.selections or excluded.unknown else included

    def _component(self, entry: Mapping[str, Any]) -> ValueSet:
        parts = [self._value_sets(url) or EMPTY for url in entry.get("valueSet", ())]
        system = entry.get("system")
        if isinstance(system, str):
            parts.append(ValueSet({system: self._selection(system, entry)}))
        if not parts:
            return EMPTY
        result = parts[-1]
        for part in parts[:-1]:
            result = _intersection(result, part)
        return result

    def _selection(self, system: str, entry: Mapping[str, Any]) -> Selection:
        version = entry.get("version")
        code_system = (self._systems(f"{system}|{version}") if version else None) or self._systems(system)
        if entry.get("concept"):
            return _listed(entry["concept"], code_system)
        if entry.get("filter"):
            return _filtered(entry["filter"], system, code_system)
        return _whole(system, code_system)


def _dicts(nodes: Any) -> list[Mapping[str, Any]]:
    return [node for node in nodes or () if isinstance(node, dict)]


def _listed(concepts: Iterable[Mapping[str, Any]], code_system: CodeSystem | None) -> Selection:
    codes: dict[str, str] = {}
    for node in concepts:
        known = code_system.concept(node["code"]) if code_system is not None else None
        codes[node["code"]] = node.get("display") or (known.display if known is not None else "")
    if code_system is not None and not code_system.case_sensitive:
        folded = frozenset(code.casefold() for code in codes)
        return Selection(codes, lambda code: code.casefold() in folded)
    return Selection(codes)


def _undecidable(_code: str) -> Verdict:
    return None


def _filtered(filters: Iterable[Mapping[str, Any]], system: str, code_system: CodeSystem | None) -> Selection:
    grammar = GRAMMARS.get(system)
    if code_system is None:
        # The grammar can refuse a code outright; what the filter says of a good one needs the content.
        refuse = grammar or (lambda _code: True)
        return Selection({}, lambda code: None if refuse(code) else False, complete=False)
    found: frozenset[str] | None = code_system.codes
    for entry in filters:
        picked = code_system.filtered(entry.get("property", ""), entry.get("op", ""), str(entry.get("value", "")))
        found = found & picked if found is not None and picked is not None else None
    if found is None:
        return Selection({}, _undecidable, complete=False)
    codes = {concept.code: concept.display for concept in code_system.concepts() if concept.code in found}
    return Selection(codes) if code_system.complete else Selection(codes, _undecidable, complete=False)


def _whole(system: str, code_system: CodeSystem | None) -> Selection:
    if code_system is None or not code_system.codes:
        return Selection({}, GRAMMARS.get(system, _undecidable), complete=False)
    codes = {concept.code: concept.display for concept in code_system.concepts()}
    if not code_system.complete:
        return Selection(codes, GRAMMARS.get(system, _undecidable), complete=False)
    if not code_system.case_sensitive:
        return Selection(codes, lambda code: code_system.concept(code) is not None)
    return Selection(codes)


def _from_expansion(resource: Resource) -> ValueSet:
    found: dict[str, dict[str, str]] = {}
    open_nodes = _dicts(resource.get("expansion", {}).get("contains"))
    while open_nodes:
        node = open_nodes.pop(0)
        if "code" in node and not node.get("abstract"):
            found.setdefault(node.get("system", ""), {})[node["code"]] = node.get("display", "")
        open_nodes = _dicts(node.get("contains")) + open_nodes
    return ValueSet({system: Selection(codes) for system, codes in found.items()}) if found else EMPTY


def _union(parts: Iterable[ValueSet]) -> ValueSet:
    selections: dict[str, Selection] = {}
    unknown = False
    for part in parts:
        unknown = unknown or part.unknown
        for system, selection in part.selections.items():
            before = selections.get(system)
            selections[system] = selection if before is None else _either_selection(before, selection)
    return ValueSet(selections, unknown)


def _either_selection(first: Selection, second: Selection) -> Selection:
    codes = {**second.codes, **first.codes}
    if first.test is None and second.test is None:
        return Selection(codes, None, first.complete and second.complete)
    return Selection(
        codes, lambda code: either((first.judge(code), second.judge(code))), first.complete and second.complete
    )


def _intersection(first: ValueSet, second: ValueSet) -> ValueSet:
    systems = set(second.selections) if not second.unknown else set(first.selections) | set(second.selections)
    selections: dict[str, Selection] = {}
    for system, selection in first.selections.items():
        if system in systems:
            selections[system] = _restricted(system, selection, second, negated=False)
    return ValueSet(selections, first.unknown)


def _difference(included: ValueSet, excluded: ValueSet) -> ValueSet:
    selections = {
        system: _restricted(system, selection, excluded, negated=True)
        for system, selection in included.selections.items()
    }
    return ValueSet(selections, included.unknown)


def _restricted(system: str, selection: Selection, other: ValueSet, *, negated: bool) -> Selection:
    def verdict(code: str) -> Verdict:
        judged = other.judge(system, code)
        return both(selection.judge(code), negate(judged) if negated else judged)

    verdicts = {code: verdict(code) for code in selection.codes}
    codes = {code: display for code, display in selection.codes.items() if verdicts[code]}
    doubtful = any(answer is None for answer in verdicts.values())
    if selection.test is None and not doubtful:
        return Selection(codes, None, selection.complete)
    return Selection(codes, verdict, selection.complete and not doubtful)
