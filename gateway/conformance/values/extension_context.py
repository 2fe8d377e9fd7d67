"""Contexts of extensions that FHIRPath decides: elements that an expression selects, and conditions.

See https://hl7.org/fhir/R4/defining-extensions.html#context.
"""

from typing import Any

from gateway.conformance.run import Location, Run
from gateway.definitions import Structure
from gateway.fhirpath import Env, Expression, FhirPathError, compile

VARIABLES = frozenset({"extension"})


class Contexts:
    """Judges them; expressions are compiled once. One that cannot be compiled or evaluated refuses nothing."""

    def __init__(self) -> None:
        self._compiled: dict[str, Expression | None] = {}

    def hold(self, structure: Structure, extension: Any, at: Location, run: Run) -> bool:
        """Whether an extension at a location satisfies the expressions of its definition."""
        selections = [text for kind, text in structure.contexts if kind == "fhirpath"]
        if not selections and not structure.context_invariants:
            return True
        holder, resource = holder_of(at, run), run.scope.resource
        env = Env(resource=resource, root=run.scope.root, variables={"extension": extension})
        if selections and not any(self._selects(text, resource, holder, env) for text in selections):
            return False
        return all(self._evaluate(text, holder, env) in (None, [True]) for text in structure.context_invariants)

    def _selects(self, text: str, resource: Any, holder: Any, env: Env) -> bool:
        found = self._evaluate(text, resource, env)
        return found is None or any(item is holder or item == holder for item in found)

    def _evaluate(self, text: str, focus: Any, env: Env) -> list[Any] | None:
        if text not in self._compiled:
            try:
                self._compiled[text] = compile(text, variables=VARIABLES)
            except FhirPathError:
                self._compiled[text] = None
        expression = self._compiled[text]
        try:
            return expression.evaluate(focus, env) if expression is not None else None
        except (FhirPathError, RecursionError):
            return None


def holder_of(at: Location, run: Run) -> Any:
    """The value that has the extension at a location; None when it cannot be found from the nearest resource."""
    steps: list[tuple[str, int]] = []
    place: Location | None = at[0]
    while place is not None:
        parent, name, index = place
        if parent is None or name in ("resource", "contained"):
            break
        steps.append((_json_name(name), index))
        place = parent
    value: Any = run.scope.resource
    for name, index in reversed(steps):
        found = (value.get(name, value.get(f"_{name}"))) if isinstance(value, dict) else None
        value = found[index] if isinstance(found, list) and 0 <= index < len(found) else found
    return value


def _json_name(step: str) -> str:
    """`value.ofType(Quantity)` as JSON has it."""
    stem, choice, name = step.partition(".ofType(")
    return stem + name[:1].upper() + name[1:-1] if choice else stem
