"""The paths of rules as steps, and the search of all of them in one walk over a resource.

A path is a type and element names (`Patient.name.family`), or begins with `nodesByType('HumanName')` or
`nodesByName('text')`; `where(...)` and `ofType(...)` narrow it. `Resource` is every resource type.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from gateway.export.deidentify.reach import Reach, reach_of, united
from gateway.fhirpath import R4, Expression, FhirPathError, FunctionSpec, compile

NO_RULE: Final = 1 << 30
"""The number of the rule where none matches."""

Anywhere = Literal["resource", "type", "name"]


class PathError(ValueError):
    """The path cannot be followed; the text says what it needs."""


@dataclass(frozen=True, slots=True)
class Path:
    """Where a rule applies: `start` and the name it is about, then a step each: an element or a condition."""

    start: Anywhere
    of: str
    steps: "tuple[str | Condition, ...]"


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """What a node must be to be gone on with: of a type (None: any), and such that the criterion holds."""

    type: str | None
    criterion: Expression | None

    def holds(self, node: Any, type_name: str) -> bool:
        """Whether a node of a type meets it; a criterion that fails on the node does not."""
        if self.type is not None and type_name != self.type:
            return False
        if self.criterion is None:
            return True
        try:
            return self.criterion.evaluate(node) == [True]
        except FhirPathError:
            return False


def _nowhere(*_arguments: Any) -> list[Any]:
    return []


_FUNCTIONS: Final = {name: FunctionSpec(1, 1, _nowhere) for name in ("nodesByType", "nodesByName")}


def read_path(text: str) -> Path:
    """The path that a rule's text writes; raises `PathError` for one that cannot be followed."""
    try:
        node: Any = compile(text, model=None, functions=_FUNCTIONS).ast
    except FhirPathError as error:
        raise PathError(f"FHIRPath ({error.message})") from None
    steps: list[str | Condition] = []
    while node.__class__.__name__ in ("Member", "Call", "TypeTest"):
        kind = node.__class__.__name__
        if kind == "TypeTest":
            steps.append(Condition(_known(node.type.name), None))
            node = node.operand
        elif kind == "Member":
            if node.target is None:
                return Path("resource", _known(node.name), tuple(reversed(steps)))
            steps.append(node.name)
            node = node.target
        elif node.target is None:
            return _anywhere(node, tuple(reversed(steps)))
        else:
            steps.append(_condition(text, node))
            node = node.target
    raise PathError("a path of a type and elements, nodesByType('...') or nodesByName('...')")


def _anywhere(node: Any, steps: "tuple[str | Condition, ...]") -> Path:
    name = getattr(node.arguments[0], "value", None) if node.arguments else None
    if node.name not in _FUNCTIONS or not isinstance(name, str):
        raise PathError("nodesByType('...') or nodesByName('...') at its beginning")
    if node.name == "nodesByName":
        return Path("name", name, steps)
    return Path("type", _known(name), steps)


def _condition(text: str, node: Any) -> Condition:
    argument = node.arguments[0] if len(node.arguments) == 1 else None
    if node.name in ("ofType", "as") and argument is not None and argument.__class__.__name__ == "Member":
        return Condition(_known(argument.name), None)
    if node.name != "where" or argument is None:
        raise PathError("where(...) and ofType(...) and no other functions")
    try:
        return Condition(None, compile(text[argument.start : argument.end]))
    except FhirPathError as error:
        raise PathError(f"a criterion that compiles ({error.message})") from None


def _known(name: str) -> str:
    if not R4.knows(name):
        raise PathError("types of R4")
    return name


State: TypeAlias = frozenset[tuple[int, int]]
"""Rules, each with how many of its steps are done."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known when a node is entered: the first rule that ends there, the rules that go on, and conditions."""

    rule: int
    going: State
    asked: tuple[tuple[int, int], ...]


class PathSet:
    """All rules' paths, followed together."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)

    def enter(self, going: State, name: str, type_name: str, *, is_resource: bool = False) -> Entry:
        """The entry of the child `name`, of a type, of a node where the rules `going` went on."""
        here = {(rule, done + 1) for rule, done in going if self._paths[rule].steps[done] == name}
        for rule, path in enumerate(self._paths):
            starts = {
                "resource": is_resource and (path.of == type_name or R4.is_subtype(type_name, path.of)),
                "type": path.of == type_name,
                "name": path.of == name,
            }
            if starts[path.start]:
                here.add((rule, 0))
        return self._settle(here)

    def _settle(self, state: Iterable[tuple[int, int]]) -> Entry:
        ended = [NO_RULE]
        going: list[tuple[int, int]] = []
        asked: list[tuple[int, int]] = []
        for rule, done in state:
            steps = self._paths[rule].steps
            if done == len(steps):
                ended.append(rule)
            else:
                (asked if isinstance(steps[done], Condition) else going).append((rule, done))
        return Entry(min(ended), frozenset(going), tuple(sorted(asked)))

    def reach(self, asked: Iterable[tuple[int, int]]) -> Reach:
        """What of a node the conditions look at, and those that follow them at once."""
        found: list[Reach] = []
        for number, done in asked:
            for step in self._paths[number].steps[done:]:
                if not isinstance(step, Condition):
                    break
                if step.criterion is not None:
                    found.append(reach_of(step.criterion.ast))
        return united(found)

    def ask(self, asked: Iterable[tuple[int, int]], node: Any, type_name: str) -> tuple[int, State]:
        """Puts conditions to a node: the first rule that ends there by them, and those that go on."""
        rule: int = NO_RULE
        going: set[tuple[int, int]] = set()
        waiting = list(asked)
        while waiting:
            number, done = waiting.pop()
            condition = self._paths[number].steps[done]
            if isinstance(condition, Condition) and condition.holds(node, type_name):
                after = self._settle([(number, done + 1)])
                rule = min(rule, after.rule)
                going |= after.going
                waiting += after.asked
        return rule, frozenset(going)
