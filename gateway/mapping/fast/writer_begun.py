"""The start of an object of a row: a copy of what its kind has there, so that a dict does not grow by its fields."""

import ast
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import takewhile
from typing import Any, Final, Protocol, TypeAlias

from gateway.fhirpath.emitter import Emitter
from gateway.mapping.fast.single import Singles
from gateway.mapping.fast.single_shared import of_kind, within
from gateway.mapping.fast.writer_shapes import is_alone, is_simple
from gateway.mapping.plan import Constant, Items, Map, Node, Series, Value

_OPTIONAL = """
if TEST:
    M = {KEY: V}
    M |= PART
else:
    M = PART.copy()
"""

_FEW: Final = 3
"""How many fields an object gets behind its start without growing."""

_GROWS: Final = (5, 10, 21, 42)
"""How many fields an object has when the next one makes it larger."""

_NAMES: Final = tuple(f" {number}" for number in range(_GROWS[-1]))

Field: TypeAlias = tuple[str, Node | Series]


class Filling(Protocol):
    """A writer of what objects hold."""

    code: Emitter
    single: Singles

    def put(self, fields: Iterable[Field], made: str, focus: str) -> None:
        """Puts fields into an object."""

    def fitted(self, node: Value, focus: str) -> tuple[str, str]:
        """The local with a value as the element takes it or None, and what tells that there is one; "" for always."""

    def append(self, node: Node, listed: str, focus: str) -> None:
        """Appends to the list what the node gives."""

    def display(self, node: Map, value: str) -> str:
        """The local with an object of constants and the one value of a local."""


def begun(
    writer: Filling, fields: Sequence[Field], first: Mapping[str, str | ast.expr], made: str, focus: str
) -> Sequence[Field] | None:
    """Writes the `first` fields, those that are surely there, and what items of a kind share behind them.

    Returns the fields that are left; None where an object does not start in this way: then it is not made yet.
    """
    single, code, shared = writer.single, writer.code, writer.single.shared
    if shared is None:
        return None
    known = single.known.variables
    lead = [*takewhile(lambda one: not shared.holds(one[1], focus, known), fields)]
    run = [*takewhile(lambda one: shared.holds(one[1], focus, known), fields[len(lead) :])]
    if len(run) < 2 or not all(is_simple(node) or _headed(node) for _, node in lead):
        return None
    tests, placed = _placed(writer, lead, focus)
    if tests and (first or [*tests] != [lead[0][0]]):
        return None
    part, nothing = code.fresh("m"), code.bind(None)
    shared.keep(("begun", part), part)
    constants = {key: value for key, value in first.items() if not isinstance(value, str)}
    with within(single, shared):
        names: dict[str, str | ast.expr] = {}
        for number, key in enumerate(key for key in (*first, *placed) if key not in tests):
            names |= {f"K{number}": code.bind(key), f"V{number}": constants.get(key, nothing)}
        code.run(f"M = {{{', '.join(f'K{n}: V{n}' for n in range(len(names) // 2))}}}", M=part, **names)
        writer.put(run, part, of_kind(single, shared, focus))
        if len(fields) - len(lead) - len(run) > _FEW:
            code.run("M = ROOMY(M)", M=part, ROOMY=code.bind(roomy))
    for key, test in tests.items():
        code.run(_OPTIONAL.replace("TEST", test), M=made, PART=part, KEY=code.bind(key), V=placed.pop(key))
    if not tests:
        code.run("M = PART.copy()", M=made, PART=part)
    for key, value in {**first, **placed}.items():
        if key not in constants:
            code.run("M[KEY] = V", M=made, KEY=code.bind(key), V=value)
    return fields[len(lead) + len(run) :]


def roomy(made: dict[str, Any]) -> dict[str, Any]:
    """The same object with more room: its copies have as much, and need not grow when they get more fields."""
    larger, most = made.copy(), next((most for most in _GROWS if most >= len(made)), len(made))
    names = _NAMES[: most + 1 - len(made)]
    larger.update(dict.fromkeys(names))
    for _ in names:
        larger.popitem()  # the last one, and leaves the room
    return larger


def _placed(writer: Filling, lead: Sequence[Field], focus: str) -> tuple[dict[str, str], dict[str, str | ast.expr]]:
    """What tells of fields whether they are there, of those that may be missing; and the locals with all fields."""
    single, code = writer.single, writer.code
    tests: dict[str, str] = {}
    placed: dict[str, str | ast.expr] = {}
    for key, node in lead:
        found = _headed(node)
        vital = node if found is None else found[1]
        assert isinstance(vital, Value)
        value, test = writer.fitted(vital, focus)
        if test and not (value in single.known.there and single.kind(value) is Decimal):
            tests[key] = test
        if found is not None:
            listed = code.fresh("l")
            code.run("L = [V]", L=listed, V=writer.display(found[0], value))
            for other in found[2]:
                writer.append(other, listed, focus)
            value = listed
        placed[key] = value
    return tests, placed


def _headed(node: Node | Series) -> tuple[Map, Value, tuple[Node, ...]] | None:
    """Of a list that begins with an object of constants and the value without which it is nothing.

    The object, the value, and what follows in the list; None for others.
    """
    one = node.nodes[0] if isinstance(node, Items) and node.nodes else None
    if not isinstance(node, Items) or not isinstance(one, Map) or not is_alone(one) or one.when is not None:
        return None
    vital = next((child for key, child in one.fields if key == one.vital), None)
    others = [child for key, child in one.fields if key != one.vital]
    is_plain = all(isinstance(child, Constant) for child in others)
    return (one, vital, node.nodes[1:]) if is_simple(vital) and is_plain else None
