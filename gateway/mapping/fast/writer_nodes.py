"""The writer of what a resource holds: template nodes as `ast` statements."""

import ast
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import Final, TypeAlias

from gateway.fhirpath.emitter import Emitter
from gateway.fhirpath.syntax import nodes
from gateway.mapping.budget import MAX_ITEMS, spend
from gateway.mapping.fast.single import Singles
from gateway.mapping.fast.single_logic import never_several, note_there
from gateway.mapping.fast.single_outer import Outer
from gateway.mapping.fast.single_shared import of_kind, within
from gateway.mapping.fast.writer_begun import Field, begun
from gateway.mapping.fast.writer_fixed import is_fixed, sayings
from gateway.mapping.fast.writer_late import late_branches
from gateway.mapping.fast.writer_shapes import class_of, is_alone, is_simple, is_something
from gateway.mapping.grouping import sampled
from gateway.mapping.loose import fit_all, fit_one, items_of
from gateway.mapping.plan import Choice, Constant, Formula, Items, Map, Node, Series, Target, Value
from gateway.mapping.scope import Fault

_Names: TypeAlias = dict[str, str | ast.expr]
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

_SOME = """
if V.__class__ is CLASS:
    if V:
        PLACE[KEY] = V
elif V is not None:
    W = FIT(V, TYPE, PRIMITIVE)
    if W:
        PLACE[KEY] = W
"""
_ANY = """
if V.__class__ is CLASS:
    PLACE[KEY] = V
elif V is not None:
    W = FIT(V, TYPE, PRIMITIVE)
    if W is not None:
        PLACE[KEY] = W
"""
_KNOWN_SOME = """
if V:
    PLACE[KEY] = V
"""
_KNOWN_ANY = """
if V is not None:
    PLACE[KEY] = V
"""
_MANY = """
if V is not None:
    W = FIT(V, TYPE, PRIMITIVE)
    if W:
        PLACE[KEY] = W
"""
_REFERRED = """
if L:
    if len(L) > 1:
        SPEND(len(L))
    PLACE[KEY] = [{"reference": R} for R in L]
"""
_FITTED = "W = V if V.__class__ is CLASS or V is None else FIT(V, TYPE, PRIMITIVE)"


class NodeWriter:
    """Writes nodes into one function: `prelude` runs once a unit, the rest for each focus.

    `referred` are the locals with the references that emits made.
    """

    def __init__(self, code: Emitter, prelude: list[ast.stmt], single: Singles, referred: Mapping[str, str]) -> None:
        self.referred = referred
        self.code = code
        self.prelude = prelude
        self.single = single
        self._hoisted: dict[Hashable, str] = {}

    def fill(self, node: Map, made: str, focus: str, first: _Names, recalled: Mapping[str, str] = _NOTHING) -> None:
        """A new object: the `first` fields, then those of a map; constants at their start are in its display.

        `recalled` are the locals with what is remembered of fields, None for none.
        """
        code = self.code
        names: _Names = {}
        for number, (key, value) in enumerate(first.items()):
            names |= {f"K{number}": code.bind(key), f"V{number}": value}
        left = None if recalled else begun(self, node.fields, first, made, focus)
        if left is not None:
            self.put(left, made, focus)
            return
        fields = list(node.fields)
        while fields and isinstance(fields[0][1], Constant):
            key, child = fields.pop(0)
            number = len(names) // 2
            names |= {f"K{number}": code.bind(key), f"V{number}": code.bind(getattr(child, "value", None))}
        display = ", ".join(f"K{number}: V{number}" for number in range(len(names) // 2))
        code.run(f"M = {{{display}}}", M=made, **names)
        self.put(fields, made, focus, recalled)

    def put(self, fields: Iterable[Field], made: str, focus: str, recalled: Mapping[str, str] = _NOTHING) -> None:
        """Puts fields into an object."""
        for key, child in self._without_runs(list(fields), made, focus):
            if key in recalled:
                names: _Names = {"M": made, "KEY": self.code.bind(key), "V": recalled[key]}
                self.code.run("if V is not None:\n    M[KEY] = V", **names)
            elif isinstance(child, Choice):
                self._choice(child, made, focus)
            else:
                self._field(key, child, made, focus)

    def _without_runs(self, fields: list[Field], made: str, focus: str) -> Iterator[Field]:
        """The fields one by one, after those before it are put; what items of a kind share is put in as a whole."""
        shared, known = self.single.shared, self.single.known.variables
        run: list[Field] = []
        for one in fields:
            if shared is not None and shared.holds(one[1], focus, known):
                run.append(one)
                continue
            yield from self._put_run(run, made, focus)
            run = []
            yield one
        yield from self._put_run(run, made, focus)

    def _put_run(self, run: list[Field], made: str, focus: str) -> Iterator[Field]:
        """Puts fields that items of a kind share; a single value or constant is left to be put alone."""
        shared = self.single.shared
        if shared is None or (len(run) < 2 and all(isinstance(node, Constant | Value) for _, node in run)):
            yield from run
            return
        part = self.code.fresh("m")
        shared.keep(("fields", part), part)
        with within(self.single, shared):
            self.code.run("M = {}", M=part)
            self.put(run, part, of_kind(self.single, shared, focus))
        self.code.run("M |= PART", M=made, PART=part)

    def _field(self, key: str, node: Node | Series, place: str, focus: str) -> None:
        code = self.code
        slot: _Names = {"PLACE": place, "KEY": code.bind(key)}
        if isinstance(node, Constant):
            code.run("PLACE[KEY] = V", V=code.bind(node.value), **slot)
        elif isinstance(node, Series):
            code.run("K, V = SAMPLED(SERIES, KEY, FOCUS)\nPLACE[K] = V", K=code.fresh(), V=code.fresh(), FOCUS=focus,
                     SAMPLED=code.bind(sampled), SERIES=code.bind(node), **slot)  # fmt: skip
        elif isinstance(node, Value):
            self._value(node, slot, focus)
        elif isinstance(node, Map) and never_several(self.single, node.foreach):
            pass
        elif is_fixed(node):
            code.run(_KNOWN_SOME, V=self._once(key, node), **slot)
        elif isinstance(node, Map) and node.foreach is None:
            self._placed(node, "PLACE[KEY] = V", slot, focus)
        elif isinstance(node, Items) and len(node.nodes) == 1 and is_alone(node.nodes[0]):
            self._placed(node.nodes[0], "PLACE[KEY] = [V]", slot, focus)
        elif isinstance(node, Items) and (seldom := _conditional(node)):
            self._seldom(seldom, slot, focus)
        else:
            self._listed(node, slot, focus)
        if not isinstance(node, Constant | Series) and node.target.required:
            code.run("if KEY not in PLACE:\n    raise FAULT(RULE)", FAULT=code.bind(Fault),
                     RULE=code.bind("mapping.required-missing"), **slot)  # fmt: skip

    def _listed(self, node: Node, slot: _Names, focus: str) -> None:
        """Puts the list of what a node gives into its place; nothing where it is empty."""
        listed = self.code.fresh("l")
        self.code.run("L = []", L=listed)
        self.append(node, listed, focus)
        self.code.run("if L:\n    PLACE[KEY] = L", L=listed, **slot)

    def _seldom(self, nodes_of: Sequence[tuple[Map, Formula]], slot: _Names, focus: str) -> None:
        """As `_listed`, for objects that all have conditions: no list where none of these holds."""
        code, listed = self.code, self.code.fresh("l")
        truths = [self.single.truth(when, focus) for _, when in nodes_of]
        names = {f"C{number}": truth for number, truth in enumerate(truths)}
        with self.single.inside(code.emit(f"if {' or '.join(names)}:\n    ...", **names)):
            code.run("L = []", L=listed)
            for (node, _), truth in zip(nodes_of, truths, strict=True):
                with self.single.inside(code.emit("if V:\n    ...", V=truth)):
                    self.append(replace(node, when=None), listed, focus)
            code.run("if L:\n    PLACE[KEY] = L", L=listed, **slot)

    def _placed(self, node: Node, source: str, slot: _Names, focus: str) -> None:
        """Puts the object of a map without foreach into its place; nothing where it is empty."""
        assert isinstance(node, Map)
        code = self.code
        if node.when is not None:
            truth = self.single.truth(node.when, focus)
            with self.single.inside(code.emit("if V:\n    ...", V=truth)):
                self._placed(replace(node, when=None), source, slot, focus)
            return
        vital = next((child for key, child in node.fields if key == node.vital), None)
        others = [child for key, child in node.fields if key != node.vital]
        if is_simple(vital) and all(isinstance(one, Constant) for one in others):
            value, test = self.fitted(vital, focus)
            with code.into(code.emit(f"if {test}:\n    ...", V=value) if test else code.block):
                code.run(source, V=self.display(node, value), **slot)
            return
        made = self._object(node, focus)
        is_sure = is_something(node) or (node.when is None and bool(node.vital) and self._has_vital(node))
        code.run(source if is_sure else f"if V:\n    {source}", V=made, **slot)

    def fitted(self, node: Value, focus: str) -> tuple[str, str]:
        """The local with a value as the element takes it or None, and what tells that there is one; "" for always."""
        code, target, formula = self.code, node.target, node.formula
        kind = class_of(target)
        value = (self.single.text(formula, focus) if kind is str else None) or self.single.value(formula, focus)
        if self.single.kind(value) is not kind:
            fitted = code.fresh()
            code.run(_FITTED, W=fitted, V=value, FIT=code.bind(fit_one), CLASS=code.bind(kind),
                     TYPE=code.bind(target.type), PRIMITIVE=code.bind(target.primitive))  # fmt: skip
            value = fitted
        if self.single.is_sure(value):
            return value, ""
        return value, "V" if kind in (str, dict) else "V is not None"

    def display(self, node: Map, value: str) -> str:
        """The local with an object of constants and the one value of a local."""
        code, made = self.code, self.code.fresh("m")
        names: _Names = {}
        for number, (key, child) in enumerate(node.fields):
            constant = code.bind(child.value) if isinstance(child, Constant) else value
            names |= {f"K{number}": code.bind(key), f"V{number}": constant}
        display = ", ".join(f"K{number}: V{number}" for number in range(len(node.fields)))
        code.run(f"M = {{{display}}}", M=made, **names)
        return made

    def _once(self, key: str, node: Node) -> str:
        """The local with a part that is the same in the whole unit, None for nothing, made before the first focus.

        What another emit says as well is the same object.
        """
        code, said = self.code, (key, sayings(node))
        if said in self._hoisted:
            return self._hoisted[said]
        made, shared = code.fresh("u"), self.single.shared
        self.single.shared = None
        with self.single.inside(self.prelude):
            if isinstance(node, Map) and node.foreach is None:
                made = self._object(node, "None")
            else:
                code.run("L = []", L=made)
                self.append(node, made, "None")
            found = self._hoisted[said] = code.fresh("u")
            code.run("F = V or None", F=found, V=made)
        self.single.shared = shared
        return found

    def _value(self, node: Value, slot: _Names, focus: str) -> None:
        code, target = self.code, node.target
        names: _Names = {"W": code.fresh(), "TYPE": code.bind(target.type), "PRIMITIVE": code.bind(target.primitive)}
        if target.many and (made := self._made(node.formula)) is not None:
            code.run(_REFERRED, L=made, R=code.fresh(), SPEND=code.bind(spend), **slot)
            return
        if target.many:
            values = self.single.several(node.formula, focus)
            code.run(_MANY, V=values, FIT=code.bind(fit_all), **names, **slot)
            return
        kind = class_of(target)
        some = kind in (str, dict)
        value = (self.single.text(node.formula, focus) if kind is str else None) or self.single.value(
            node.formula, focus
        )
        outer = self.single.outer
        if outer is not None and outer.has(value) and self.single.kind(value) is not kind:
            value = self._fitted_before(outer, value, target, kind)
        if self.single.kind(value) is kind:
            is_there = value in self.single.known.there and not some
            code.run("PLACE[KEY] = V" if is_there else _KNOWN_SOME if some else _KNOWN_ANY, V=value, **slot)
            return
        code.run(_SOME if some else _ANY, V=value,
                 FIT=code.bind(fit_one), CLASS=code.bind(kind), **names, **slot)  # fmt: skip

    def _made(self, formula: Formula) -> str | None:
        """For `ref('emit')` in a function for usual data: the local with the references that the emit made."""
        match formula.expression.ast:
            case nodes.Call(name="ref", target=None, arguments=(nodes.Literal(value=str() as emit),)):
                return self.referred.get(emit) if self.single.usual else None
        return None

    def _fitted_before(self, outer: Outer, value: str, target: Target, kind: type) -> str:
        """The local with a value that the items of a loop share, as the element takes it."""
        code, key = self.code, (f"{target.type}", value)
        if key not in outer.parts:
            with self.single.before(outer):
                outer.parts[key] = code.fresh()
                code.run(_FITTED, W=outer.parts[key], V=value, FIT=code.bind(fit_one), CLASS=code.bind(kind),
                         TYPE=code.bind(target.type), PRIMITIVE=code.bind(target.primitive))  # fmt: skip
        return self.single.made(outer.parts[key], kind)

    def _object(self, node: Map, focus: str) -> str:
        """The local that holds the object of a map without foreach; None or empty for nothing."""
        code = self.code
        made = code.fresh("m")
        if node.when is None:
            self._fill(node, made, focus)
            return made
        code.run("M = None", M=made)
        truth = self.single.truth(node.when, focus)
        with self.single.inside(code.emit("if V:\n    ...", V=truth)):
            self._fill(node, made, focus)
        return made

    def _fill(self, node: Map, made: str, focus: str) -> None:
        self.fill(node, made, focus, {})
        if node.vital and not self._has_vital(node):
            self.code.run("if KEY not in M:\n    M = None", KEY=self.code.bind(node.vital), M=made)

    def _has_vital(self, node: Map) -> bool:
        """True where the field without which the object says nothing was surely put: a number that is there."""
        vital = next((child for key, child in node.fields if key == node.vital), None)
        if not isinstance(vital, Value) or not isinstance(tree := vital.formula.expression.ast, nodes.Variable):
            return False
        known = self.single.known
        local = known.variables.get(tree.name)
        return local in known.there and known.kinds.get(local) is class_of(vital.target) is Decimal

    def append(self, node: Node, listed: str, focus: str) -> None:
        """Appends to the list what the node gives."""
        code = self.code
        match node:
            case Constant(value=value):
                code.run("L.append(V)", L=listed, V=code.bind(value))
            case Value(formula=formula, target=target):
                values = self.single.several(formula, focus)
                code.run("if V is not None:\n    L.extend(FIT(V, TYPE, PRIMITIVE))", L=listed, V=values,
                         FIT=code.bind(fit_all), TYPE=code.bind(target.type),
                         PRIMITIVE=code.bind(target.primitive))  # fmt: skip
            case Items(nodes=children):
                for child in children:
                    self.append(child, listed, focus)
            case Map(foreach=None, when=Formula() as when):
                truth = self.single.truth(when, focus)
                with self.single.inside(code.emit("if V:\n    ...", V=truth)):
                    self.append(replace(node, when=None), listed, focus)
            case Map(foreach=None):
                made = self._object(node, focus)
                code.run("L.append(V)" if is_something(node) else "if V:\n    L.append(V)", V=made, L=listed)
            case Map(foreach=foreach) if foreach is not None:
                items, item = self.single.items(foreach, focus), code.fresh("item")
                is_list = self.single.kind(items) is list
                hole = code.emit("if V:\n    ..." if is_list else "if V is not None:\n    ...", V=items)
                source = f"for ITEM in V if V.__class__ is list and len(V) <= {MAX_ITEMS} else ITEMS(V):\n    ..."
                with code.into(hole):
                    if foreach.is_wide:
                        code.run("SPEND(len(V) if V.__class__ is list else 1)", SPEND=code.bind(spend), V=items)
                    loop = code.emit(source, ITEM=item, ITEMS=code.bind(items_of), V=items)
                with self.single.inside(loop, loop=True):
                    made = self._object(node, item)
                    code.run("L.append(V)" if is_something(node) else "if V:\n    L.append(V)", V=made, L=listed)

    def _choice(self, node: Choice, place: str, focus: str) -> None:
        """The branches as a loop that runs once: the first that holds breaks out of it."""
        code = self.code
        done = code.fresh() if node.target.required else ""
        if done:
            code.run("D = False", D=done)
        with (
            self.single.inside(code.emit("while True:\n    ...")),
            late_branches(self.single, node.branches) as branches,
        ):
            for branch in branches:
                block = code.block
                if branch.when is not None:
                    truth = self.single.truth(branch.when, focus)
                    block = code.emit("if V:\n    ...", V=truth)
                with self.single.inside(block):
                    note_there(self.single, branch.when)
                    if branch.refusal:
                        self._raise("mapping.branch-refused")
                    elif branch.node is not None:
                        self._field(branch.key, branch.node, place, focus)
                        if done:
                            code.run("D = KEY in PLACE", D=done, KEY=code.bind(branch.key), PLACE=place)
                    code.run("break")
            code.run("break")
        if done:
            with code.into(code.emit("if not D:\n    ...", D=done)):
                self._raise("mapping.required-missing")

    def _raise(self, rule: str) -> None:
        self.code.run("raise FAULT(RULE)", FAULT=self.code.bind(Fault), RULE=self.code.bind(rule))


def _conditional(items: Items) -> list[tuple[Map, Formula]]:
    """The objects of a list with their conditions, where all have one; else none."""
    found = [
        (node, node.when)
        for node in items.nodes
        if isinstance(node, Map) and node.foreach is None and node.when is not None
    ]
    return found if len(found) == len(items.nodes) else []
