"""What cannot be decided here is asked of somebody else: a second answer behind the `Terminology` port.

Codes, systems and canonical URLs are asked, nothing else; no answer leaves the question open, as it was.
"""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.core import Resource
from gateway.terminology.port import CodeCheck, Coding, Concept, Expansion, Subsumption, SystemCheck, Terminology

Ask = Callable[[str, Mapping[str, str]], Resource | None]
"""Takes an operation (`ValueSet/$expand`) and its inputs; gives the answer, or None when there is none."""


class FallbackTerminology:
    """Answers as `local` does; what that leaves open goes to `ask`, usually `TerminologyServer.ask`."""

    def __init__(self, local: Terminology, ask: Ask) -> None:
        self._local = local
        self._ask = ask

    def validate_code(self, system: str | None, code: str, value_set: str) -> CodeCheck:
        """See `Terminology.validate_code`; a bare code is never sent."""
        found = self._local.validate_code(system, code, value_set)
        if found.result is not None or system is None:
            return found
        answer = _entries(self._ask("ValueSet/$validate-code", {"url": value_set, "system": system, "code": code}))
        result = answer.get("result")
        if not isinstance(result, bool) or "x-unknown-system" in answer or "x-caused-by-unknown-system" in answer:
            return found
        rule = "" if result else "terminology.not-in-value-set"
        return CodeCheck(result, rule, _text(answer.get("display")))

    def check_code(self, system: str, code: str) -> SystemCheck:
        """See `Terminology.check_code`; names are not taken from the server, which tells one of several."""
        found = self._local.check_code(system, code)
        if found.result is not None:
            return found
        answer = _entries(self._ask("CodeSystem/$validate-code", {"url": system, "code": code}))
        result = answer.get("result")
        if not isinstance(result, bool) or "x-unknown-system" in answer or "x-caused-by-unknown-system" in answer:
            return found
        return SystemCheck(result)

    def expand(
        self, value_set: str, *, text: str = "", offset: int = 0, count: int | None = None
    ) -> Expansion | None:
        """See `Terminology.expand`."""
        found = self._local.expand(value_set, text=text, offset=offset, count=count)
        if found is not None and found.complete:
            return found
        asked = {"url": value_set} | ({"filter": text} if text else {})
        answer = self._ask("ValueSet/$expand", asked)
        codings = _codings(answer)
        if codings is None:
            return found
        last = len(codings) if count is None else offset + count
        return Expansion(tuple(codings[offset:last]), len(codings), True)

    def lookup(self, system: str, code: str) -> Concept | None:
        """See `Terminology.lookup`; of what the server tells only the display is taken."""
        found = self._local.lookup(system, code)
        if found is not None:
            return found
        answer = _entries(self._ask("CodeSystem/$lookup", {"system": system, "code": code}))
        return Concept(system, code, _text(answer["display"])) if "display" in answer else None

    def subsumes(self, system: str, a: str, b: str) -> Subsumption | None:
        """See `Terminology.subsumes`."""
        found = self._local.subsumes(system, a, b)
        if found is not None:
            return found
        answer = _entries(self._ask("CodeSystem/$subsumes", {"system": system, "codeA": a, "codeB": b}))
        return _OUTCOMES.get(_text(answer.get("outcome")))

    def translate(self, system: str, code: str, concept_map: str) -> tuple[Coding, ...]:
        """See `Terminology.translate`; maps are never asked of a server, so that a mapping stays the same."""
        return self._local.translate(system, code, concept_map)

    def ask(self, operation: str, inputs: Mapping[str, str]) -> Resource | None:
        """See `Terminology.ask`."""
        return self._ask(operation, inputs)


_OUTCOMES: Mapping[str, Subsumption] = {
    "equivalent": "equivalent",
    "subsumes": "subsumes",
    "subsumed-by": "subsumed-by",
    "not-subsumed": "not-subsumed",
}


def _entries(answer: Resource | None) -> dict[str, Any]:
    """The parameters of an answer by name; empty when it is no Parameters resource."""
    listed = answer.get("parameter") if answer is not None else None
    found: dict[str, Any] = {}
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            found[entry["name"]] = next((value for name, value in entry.items() if name.startswith("value")), None)
    return found


def _codings(answer: Resource | None) -> list[Coding] | None:
    """The codes of an expansion that is whole; None for anything else."""
    expansion = answer.get("expansion") if answer is not None else None
    if not isinstance(expansion, dict):
        return None
    found: list[Coding] = []
    listed = expansion.get("contains")
    open_nodes = list(reversed(listed)) if isinstance(listed, list) else []
    while open_nodes:
        node = open_nodes.pop()
        if not isinstance(node, dict):
            return None
        if "code" in node and not node.get("abstract"):
            found.append(Coding(_text(node.get("system")), _text(node["code"]), _text(node.get("display"))))
        below = node.get("contains")
        open_nodes += reversed(below) if isinstance(below, list) else ()
    total = expansion.get("total")
    return found if not isinstance(total, int) or total <= len(found) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
