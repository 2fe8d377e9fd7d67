"""References from one emit to what another one makes, told by the parts of its key before it is made."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from gateway.core.ids import resource_id
from gateway.fhirpath import Env
from gateway.mapping.loose import fact
from gateway.mapping.plan import Emit, Formula, Plan
from gateway.mapping.values import key_text


class References(Struct, eq=False):
    """The references of one unit, each made once; `variables` are the facts that all its expressions see."""

    plan: Plan
    study: str
    variables: Mapping[str, Any]
    _starts: dict[str, tuple[Emit, list[str]]] = field(default_factory=dict)
    _made: dict[tuple[str, ...], str] = field(default_factory=dict)

    def to(self, name: str, values: tuple[object, ...]) -> str:
        """The reference to what the emit makes with these varying parts of its key."""
        given = tuple([key_text(value) or "" for value in values])
        found = self._made.get((name, *given))
        if found is not None:
            return found
        if name not in self._starts:
            plan = self.plan
            named = next(one for one in (*plan.before, *plan.each, *plan.after) if one.id == name)
            self._starts[name] = named, [_fixed_part(part, self.variables) for part in named.key]
        emit, fixed = self._starts[name]
        parts = fixed.copy()
        for number, text in zip(emit.varying, given, strict=True):
            parts[number] = text
        made = f"{emit.type}/{resource_id(self.study, self.plan.id, name, parts)}"
        self._made[name, *given] = made
        return made


def _fixed_part(part: str | Formula, variables: Mapping[str, Any]) -> str:
    """The text of a key part that is the same in the whole unit; "" for one that varies."""
    if isinstance(part, str):
        return part
    if not part.fixed:
        return ""
    found = fact(variables, part.fact, part.expression.evaluate, lambda: Env(variables))
    return key_text(found) or ""
