"""The writer of fast functions: emits, keys and template nodes as `ast` statements; see `generate`."""

import ast
from collections.abc import Sequence
from decimal import Decimal

from gateway.core.ids import resource_id
from gateway.fhirpath import nodes
from gateway.fhirpath.emitter import Emitter
from gateway.mapping.elements import INTEGER_TYPES, NUMBER_TYPES
from gateway.mapping.grouping import sampled
from gateway.mapping.inline import inline_truth, inline_values, operands_of
from gateway.mapping.plan import Choice, Constant, Emit, Formula, Items, Map, Node, Plan, Series, Value
from gateway.mapping.runtime import fit_all, fit_one, items_of, key_part, order_of, truth_of
from gateway.mapping.scope import Fault
from gateway.mapping.walk import Made

_TRUTH = """
V = L[0] if L else False
if V.__class__ is not bool or len(L) > 1:
    V = TRUTH(L)
"""
_REQUIRED = """
if not L:
    raise FAULT(RULE)
"""
_TEXT = """
if L:
    V = L[0]
    if V.__class__ is not str or len(L) > 1:
        V = FIT(L, TYPE, PRIMITIVE)
    if V:
        PLACE[KEY] = V
"""
_OTHER = """
if L:
    V = L[0]
    if V.__class__ is not CLASS or len(L) > 1:
        V = FIT(L, TYPE, PRIMITIVE)
    if V is not None:
        PLACE[KEY] = V
"""
_MANY = """
if L:
    V = FIT(L, TYPE, PRIMITIVE)
    if V:
        PLACE[KEY] = V
"""
_KEY = """
V = L[0] if len(L) == 1 else None
if V.__class__ is not str:
    V = PART(L)
"""
_CLASSES = {"boolean": bool, **dict.fromkeys(INTEGER_TYPES, int), **dict.fromkeys(NUMBER_TYPES, Decimal)}


def _is_fixed(node: Node | Series) -> bool:
    """True for what is the same in the whole unit."""
    match node:
        case Constant():
            return True
        case Value(formula=formula):
            return formula.fixed
        case Map(fields=fields, when=when, foreach=foreach):
            return all(part is None or part.fixed for part in (when, foreach)) and all(
                _is_fixed(child) for _, child in fields
            )
        case Items(nodes=children):
            return all(map(_is_fixed, children))
    return False


class Writer:
    """Writes one function: `prelude` runs once a unit, the rest for each focus."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.code = Emitter()
        self.prelude: list[ast.stmt] = []
        self._variables: dict[str, str] = {}
        self._fixed: dict[int, str] = {}

    def run(self, emits: Sequence[Emit], variables: tuple[tuple[str, Formula], ...]) -> None:
        """The body: the record's variables, then each emit, then what was made."""
        code = self.code
        code.run("out = []")
        if emits and emits[0].mode == "per-record":
            code.run('variables["record"] = focus\nvariables["item"] = focus')
            for emit in emits:
                if emit.id in self.plan.referred:
                    code.run("scope.made[ID] = []", ID=code.bind(emit.id))
        else:
            code.run('variables["item"] = focus')
        self.assign(variables, "focus")
        for emit in emits:
            self._emit(emit)
        code.run("return out")

    def assign(self, variables: tuple[tuple[str, Formula], ...], focus: str) -> None:
        """Evaluates variables of a focus, in their order."""
        for name, formula in variables:
            values = self.values(formula, focus)
            self.code.run("variables[NAME] = L", NAME=self.code.bind(name), L=values)
            self._variables[name] = values

    def forget(self) -> None:
        """What was assigned is not known any more."""
        self._variables = {}

    # Formulas

    def values(self, formula: Formula, focus: str) -> str:
        """The local that holds the list of values of a formula."""
        code = self.code
        tree = formula.expression.ast
        if isinstance(tree, nodes.Variable) and tree.name in self._variables:
            return self._variables[tree.name]
        if formula.fixed:
            return self._once(formula)
        inlined = inline_values(code, formula, focus)
        if inlined is not None:
            return inlined
        values = code.fresh("l")
        code.run("L = F(FOCUS, env)", L=values, F=code.bind(formula.expression.evaluate), FOCUS=focus)
        return values

    def _once(self, formula: Formula) -> str:
        """As `_values`, computed when the function is bound."""
        found = self._fixed.get(id(formula))
        if found is None:
            found = self._fixed[id(formula)] = self.code.fresh("u")
            with self.code.into(self.prelude):
                self.code.run("L = F(None, env)", L=found, F=self.code.bind(formula.expression.evaluate))
        return found

    def truth(self, formula: Formula, focus: str) -> str:
        """The local that holds the truth of a condition."""
        inlined = None if formula.fixed else inline_truth(self.code, formula, focus, truth_of)
        if inlined is not None:
            return inlined
        joined = None if formula.fixed else operands_of(formula)
        if joined is not None:
            return self._joined(joined[0], joined[1], focus)
        values, truth = self.values(formula, focus), self.code.fresh()
        self.code.run(_TRUTH, V=truth, L=values, TRUTH=self.code.bind(truth_of))
        return truth

    def _joined(self, operator: str, parts: Sequence[Formula], focus: str) -> str:
        """The truth of parts joined by `and` or `or`: a part that is empty is as good as false here."""
        code, truth = self.code, self.code.fresh()
        block = code.block
        for number, part in enumerate(parts):
            with code.into(block):
                code.run("T = V", T=truth, V=self.truth(part, focus))
                if number < len(parts) - 1:
                    block = code.emit(f"if {'not ' if operator == 'or' else ''}T:\n    ...", T=truth)
        return truth

    # Emits

    def _emit(self, emit: Emit) -> None:
        code = self.code
        known, item, saved = dict(self._variables), code.fresh("item"), ""
        if emit.foreach is None:
            hole = code.emit("for ITEM in (focus,):\n    ...", ITEM=item)
        else:
            items, index, saved = self.values(emit.foreach, "focus"), code.fresh("n"), code.fresh()
            code.run('SAVED = variables["index"]', SAVED=saved)
            source = "for INDEX, ITEM in enumerate(ITEMS(L)):\n    ..."
            hole = code.emit(source, INDEX=index, ITEM=item, ITEMS=code.bind(items_of), L=items)
            with code.into(hole):
                code.run('variables["index"] = INDEX', INDEX=index)
        with code.into(hole, loop=True):
            code.run('variables["item"] = ITEM', ITEM=item)
            self.item(emit, item)
        if emit.foreach is not None:
            code.run('variables["index"] = SAVED', SAVED=saved)
        self._variables = known

    def item(self, emit: Emit, item: str) -> None:
        """Writes what an emit makes of one item."""
        code = self.code
        if not emit.when_late:
            self.skip_unless(emit.when, item)
        self.assign(emit.vars, item)
        if emit.when_late:
            self.skip_unless(emit.when, item)
        identity = self._identity(emit, item)
        for guard in emit.guards:
            truth = self.truth(guard.formula, item)
            code.run(
                "if not V:\n    raise FAULT(RULE)", V=truth, FAULT=code.bind(Fault), RULE=code.bind("mapping.guard")
            )
        order = code.fresh()
        code.run("V = EMPTY", V=order, EMPTY=code.bind(""))
        if emit.version_order is not None:
            values = self.values(emit.version_order, item)
            code.run("V = ORDER(L)", V=order, ORDER=code.bind(order_of), L=values)
        made = code.fresh("m")
        code.run("M = {TYPEKEY: TYPE, IDKEY: ID}", M=made, TYPEKEY=code.bind("resourceType"),
                 TYPE=code.bind(emit.type), IDKEY=code.bind("id"), ID=identity)  # fmt: skip
        self._fields(emit.root, made, item)
        reference = code.fresh()
        code.run("R = PREFIX + ID", R=reference, PREFIX=code.bind(f"{emit.type}/"), ID=identity)
        if emit.id in self.plan.referred:
            code.run("scope.made[ID].append(R)", ID=code.bind(emit.id), R=reference)
        code.run("out.append(MADE(EMIT, R, M, ORDER))", MADE=code.bind(Made), EMIT=code.bind(emit.id),
                 R=reference, M=made, ORDER=order)  # fmt: skip

    def skip_unless(self, when: Formula | None, item: str) -> None:
        """Goes on with the next item where the condition does not hold."""
        if when is not None:
            self.code.run("if not V:\n    continue", V=self.truth(when, item))

    def _identity(self, emit: Emit, item: str) -> str:
        code = self.code
        parts: dict[str, str | ast.expr] = {}
        for number, part in enumerate(emit.key):
            if isinstance(part, str):
                parts[f"P{number}"] = code.bind(part)
                continue
            block = self.prelude if part.fixed else code.block
            values, text = self.values(part, item), code.fresh()
            with code.into(block):
                code.run(_KEY, V=text, L=values, PART=code.bind(key_part))
            parts[f"P{number}"] = text
        identity = code.fresh()
        listed = ", ".join(parts)
        code.run(f"V = IDENTITY(study, MAPPING, EMIT, ({listed},))", V=identity, IDENTITY=code.bind(resource_id),
                 MAPPING=code.bind(self.plan.id), EMIT=code.bind(emit.id), **parts)  # fmt: skip
        return identity

    # Nodes

    def _fields(self, node: Map, place: str, focus: str) -> None:
        for key, child in node.fields:
            if isinstance(child, Choice):
                self._choice(child, place, focus)
            else:
                self._field(key, child, place, focus)

    def _field(self, key: str, node: Node | Series, place: str, focus: str) -> None:
        code = self.code
        slot: dict[str, str | ast.expr] = {"PLACE": place, "KEY": code.bind(key)}
        if isinstance(node, Constant):
            code.run("PLACE[KEY] = V", V=code.bind(node.value), **slot)
        elif isinstance(node, Series):
            code.run("K, V = SAMPLED(SERIES, KEY, FOCUS)\nPLACE[K] = V", K=code.fresh(), V=code.fresh(), FOCUS=focus,
                     SAMPLED=code.bind(sampled), SERIES=code.bind(node), **slot)  # fmt: skip
        elif isinstance(node, Value):
            self._value(node, slot, focus)
        elif _is_fixed(node):
            self._hoisted(key, node, place)
        elif isinstance(node, Map) and node.foreach is None:
            made = self._object(node, focus)
            code.run("if V:\n    PLACE[KEY] = V", V=made, **slot)
        else:
            listed = code.fresh("l")
            code.run("L = []", L=listed)
            self._append(node, listed, focus)
            code.run("if L:\n    PLACE[KEY] = L", L=listed, **slot)
        if not isinstance(node, Constant | Series) and node.target.required:
            code.run("if KEY not in PLACE:\n    raise FAULT(RULE)", FAULT=code.bind(Fault),
                     RULE=code.bind("mapping.required-missing"), **slot)  # fmt: skip

    def _hoisted(self, key: str, node: Node, place: str) -> None:
        """A part that is the same in the whole unit: made once, when the function is bound."""
        code = self.code
        made = code.fresh("u")
        with code.into(self.prelude):
            code.run("V = {}", V=made)
            if isinstance(node, Map) and node.foreach is None:
                inner = self._object(node, "None")
                code.run("if V:\n    M[KEY] = V", V=inner, M=made, KEY=code.bind(key))
            else:
                listed = code.fresh("l")
                code.run("L = []", L=listed)
                self._append(node, listed, "None")
                code.run("if L:\n    M[KEY] = L", L=listed, M=made, KEY=code.bind(key))
        code.run("if V:\n    PLACE[KEY] = V[KEY]", V=made, PLACE=place, KEY=code.bind(key))

    def _value(self, node: Value, slot: dict[str, str | ast.expr], focus: str) -> None:
        code, target = self.code, node.target
        values = self.values(node.formula, focus)
        names: dict[str, str | ast.expr] = {"L": values, "V": code.fresh(), "TYPE": code.bind(target.type)}
        names["PRIMITIVE"] = code.bind(target.primitive)
        if target.many:
            code.run(_MANY, FIT=code.bind(fit_all), **names, **slot)
            return
        kind = dict if not target.primitive else _CLASSES.get(target.type, str)
        template = _TEXT if kind in (str, dict) else _OTHER
        code.run(template, FIT=code.bind(fit_one), CLASS=code.bind(kind), **names, **slot)

    def _object(self, node: Map, focus: str) -> str:
        """The local that holds the object of a map without foreach; None or empty for nothing."""
        code = self.code
        made = code.fresh("m")
        if node.when is None:
            code.run("M = {}", M=made)
            self._fill(node, made, focus)
            return made
        code.run("M = None", M=made)
        truth = self.truth(node.when, focus)
        with code.into(code.emit("if V:\n    ...", V=truth)):
            code.run("M = {}", M=made)
            self._fill(node, made, focus)
        return made

    def _fill(self, node: Map, made: str, focus: str) -> None:
        self._fields(node, made, focus)
        if node.vital:
            self.code.run("if KEY not in M:\n    M = None", KEY=self.code.bind(node.vital), M=made)

    def _append(self, node: Node, listed: str, focus: str) -> None:
        """Appends to the list what the node gives."""
        code = self.code
        match node:
            case Constant(value=value):
                code.run("L.append(V)", L=listed, V=code.bind(value))
            case Value(formula=formula, target=target):
                values = self.values(formula, focus)
                code.run("L.extend(FIT(V, TYPE, PRIMITIVE))", L=listed, V=values, FIT=code.bind(fit_all),
                         TYPE=code.bind(target.type), PRIMITIVE=code.bind(target.primitive))  # fmt: skip
            case Items(nodes=children):
                for child in children:
                    self._append(child, listed, focus)
            case Map(foreach=None):
                made = self._object(node, focus)
                code.run("if V:\n    L.append(V)", V=made, L=listed)
            case Map(foreach=foreach) if foreach is not None:
                items, item = self.values(foreach, focus), code.fresh("item")
                source = "for ITEM in ITEMS(V):\n    ..."
                with code.into(code.emit(source, ITEM=item, ITEMS=code.bind(items_of), V=items), loop=True):
                    made = self._object(node, item)
                    code.run("if V:\n    L.append(V)", V=made, L=listed)

    def _choice(self, node: Choice, place: str, focus: str) -> None:
        """The branches as a loop that runs once: the first that holds breaks out of it."""
        code = self.code
        done = code.fresh()
        code.run("D = False", D=done)
        with code.into(code.emit("while True:\n    ..."), loop=True):
            for branch in node.branches:
                block = code.block
                if branch.when is not None:
                    truth = self.truth(branch.when, focus)
                    block = code.emit("if V:\n    ...", V=truth)
                with code.into(block):
                    if branch.refusal:
                        self._raise("mapping.branch-refused")
                    elif branch.node is not None:
                        self._field(branch.key, branch.node, place, focus)
                        code.run("D = KEY in PLACE", D=done, KEY=code.bind(branch.key), PLACE=place)
                    code.run("break")
            code.run("break")
        if node.target.required:
            with code.into(code.emit("if not D:\n    ...", D=done)):
                self._raise("mapping.required-missing")

    def _raise(self, rule: str) -> None:
        self.code.run("raise FAULT(RULE)", FAULT=self.code.bind(Fault), RULE=self.code.bind(rule))
