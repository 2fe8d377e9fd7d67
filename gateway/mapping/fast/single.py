"""Expressions as Python statements for the usual case: one value, or none, at every step.

Where the data are not what the statements are for (several items, a value of another kind) they raise. That ends a
function for `usual` data, and the one for all data takes over. There each formula is inside a `try`, and its compiled
FHIRPath function gives what the statements cannot, so that every formula is exact for all data.
Results are loose values (`gateway.mapping.loose`). Parts without a short form call a FHIRPath function of their own.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal

from gateway.fhirpath.emitter import Emitter
from gateway.fhirpath.printer import print_expression
from gateway.fhirpath.syntax import nodes
from gateway.mapping.budget import MAX_ITEMS
from gateway.mapping.fast.single_calls import behind, call
from gateway.mapping.fast.single_facts import write_fact
from gateway.mapping.fast.single_form import Evaluate, Operand, evaluator, is_whole
from gateway.mapping.fast.single_items import filtered, prepare, unwound
from gateway.mapping.fast.single_kind import Shared, Unfilled
from gateway.mapping.fast.single_known import Known
from gateway.mapping.fast.single_logic import holds, is_boolean, logic
from gateway.mapping.fast.single_outer import Outer
from gateway.mapping.fast.single_shared import filled, looked_at, one, told, whole
from gateway.mapping.fast.single_texts import limited, operation
from gateway.mapping.lineage import is_fixed, plain_path
from gateway.mapping.loose import ODDITIES, STRANGE, Odd, loose, truth_of
from gateway.mapping.plan import Formula, Functions

_STEP = "V = B.get(NAME) if B.__class__ is dict else None if B is None else STRANGE"
_USUAL_STEP = "V = B.get(NAME) if B else None"
_THERE_STEP = "V = B.get(NAME)"
_EVALUATE = "V = LOOSE(F(FOCUS, env()))"
_TRY = """
try:
    ...
except ODDITIES:
    V = LOOSE(F(FOCUS, env()))
"""
_LOOSEN = """
if V.__class__ is list:
    V = LOOSE(F(FOCUS, env()))
"""
_BEHIND = "V = R if R is not STRANGE else LOOSE(F(FOCUS, env()))"
_SOLID = """
if V.__class__ is list:
    raise ODD
"""
_NO_TEXT = """
if V.__class__ is not str and V is not None:
    raise ODD
"""
_TRUTH = "T = V if V.__class__ is bool else False if V is None else TRUTH(V)"


class Singles:
    """Writes expressions into one function: `prelude` runs once a unit, the rest for each focus."""

    def __init__(self, code: Emitter, prelude: list[ast.stmt], functions: Functions, *, usual: bool) -> None:
        self.code = code
        self.prelude = prelude
        self.functions = functions
        self.usual = usual
        self.known = Known()
        self.outer: Outer | None = None
        self.unfilled: Unfilled | None = None
        self.shared: Shared | None = None
        self.of_record: Shared | None = None
        self.sealed = False
        self.keyed: Sequence[Formula] = ()
        self.referred: Mapping[str, str] = {}
        self._once: dict[str, str] = {}
        self._times = ""

    @contextmanager
    def inside(self, block: list[ast.stmt], *, loop: bool = False) -> Iterator[None]:
        """Appends to another block; what is found out there is forgotten behind it."""
        known, self.known = self.known, self.known.copy()
        with self.code.into(block, loop=loop):
            yield
        self.known = known

    @contextmanager
    def before(self, outer: Outer) -> Iterator[None]:
        """Appends to what stands before the loop."""
        known, shared = self.known, self.shared
        self.known, self.outer, self.shared = outer.known, None, self.of_record
        with self.code.into(outer.block):
            yield
        self.known, self.outer, self.shared = known, outer, shared

    def outer_text(self, inside: str, names: Mapping[str, str | ast.expr]) -> str:
        """The local, assigned before the loop, with an f-string of what stands there."""
        assert self.outer is not None
        local = self.code.fresh()
        with self.before(self.outer):
            self.code.run(f'V = f"{inside}"', V=local, **names)
        return local

    def place(self, **places: str) -> None:
        """FHIRPath is told these locals as `%item` and `%index`: usual data where it is asked, others at once."""
        self.known.places |= places
        self.known.stored -= places.keys()
        if not self.usual:
            self._store()

    def assign(self, variables: tuple[tuple[str, Formula], ...], focus: str) -> None:
        """Evaluates variables of a focus, in their order."""
        for name, formula in variables:
            self.known.variables[name] = self.value(formula, focus)
            self.known.stored.discard(name)
            if not self.usual:
                self._store()

    def _store(self) -> None:
        """Hands places and variables to what evaluates FHIRPath."""
        for name, value in {**self.known.places, **self.known.variables}.items():
            if name not in self.known.stored:
                self.code.run("variables[NAME] = V", NAME=self.code.bind(name), V=value)
                self.known.stored.add(name)

    def forget(self) -> None:
        """What was assigned is not known any more."""
        self.known.variables = {}

    # Formulas

    @limited
    def value(self, formula: Formula, focus: str) -> str:
        """The local that holds the loose value of a formula."""
        tree, code = formula.expression.ast, self.code
        if isinstance(tree, nodes.Variable) and tree.name in self.known.variables:
            return self.known.variables[tree.name]
        if formula.fixed:
            return self._fixed(tree, formula.text, formula.expression.evaluate)
        if is_whole(tree):
            return self._evaluated(formula.expression.evaluate, focus)
        if self.usual:
            return told(self, tree, focus, whole) or whole(self, tree, focus)
        path = plain_path(tree)
        if path is not None:
            value = self.path(path, focus)
            code.run(_LOOSEN, V=value, LOOSE=code.bind(loose), F=code.bind(formula.expression.evaluate), FOCUS=focus)
            return value
        value = code.fresh()
        with self._tried(value, formula, focus):
            code.run("V = R", V=value, R=self.solid(self.one(tree, focus)))
        return value

    def text(self, formula: Formula, focus: str) -> str | None:
        """The local that holds the text of a path or None, other values being unusual; None for other formulas."""
        tree = formula.expression.ast
        if not self.usual or formula.fixed or is_whole(tree):
            return None
        if isinstance(tree, nodes.Variable):
            value = self.known.variables.get(tree.name)
        else:
            path = plain_path(tree)
            value = None if path is None else self.path(path, focus)
        if value is None or value not in self.known.paths.values():
            return None
        if self.known.kinds.get(value) is not str:
            self.code.run(_NO_TEXT, V=value, ODD=self.code.bind(Odd))
        return self.made(value, str)

    def several(self, formula: Formula, focus: str) -> str:
        """As `value`, where several values are as usual as one: what stands at the end of a path may be any list."""
        code, tree = self.code, formula.expression.ast
        is_list = isinstance(tree, nodes.Member) or (
            isinstance(tree, nodes.Call) and tree.name in self.functions.specs
        )
        if self.usual and is_list and not (formula.fixed or is_whole(tree)):
            return self.local(self.one(tree, focus))
        if formula.fixed or not isinstance(tree, nodes.Member) or is_whole(tree) or self.is_fact(tree):
            return self.value(formula, focus)
        path, value = plain_path(tree), code.fresh()
        if path is not None:
            found = self.path(path, focus)
            code.run(_BEHIND, V=value, R=found, STRANGE=code.bind(STRANGE), LOOSE=code.bind(loose),
                     F=code.bind(formula.expression.evaluate), FOCUS=focus)  # fmt: skip
            return value
        with self._tried(value, formula, focus):
            code.run("V = R", V=value, R=self.one(tree, focus))
            code.run("if V is STRANGE:\n    raise ODD", V=value, STRANGE=code.bind(STRANGE), ODD=code.bind(Odd))
        return value

    def items(self, formula: Formula, focus: str) -> str:
        """The local that holds what a `foreach` goes over: a loose value, or a list of items."""
        code, tree = self.code, formula.expression.ast
        found = unwound(tree)
        if formula.fixed or found is None or is_whole(tree):
            return self.value(formula, focus)
        if self.usual:
            return filtered(self, *found, focus)
        value = code.fresh()
        with self._tried(value, formula, focus):
            code.run("V = L", V=value, L=filtered(self, *found, focus))
        return value

    def unfiltered(self, formula: Formula, focus: str) -> tuple[str, nodes.Expr] | None:
        """For `path.where(...)` in a function for usual data: the items at the path, and what they are asked."""
        code, tree = self.code, formula.expression.ast
        found = unwound(tree) if self.usual and not (formula.fixed or is_whole(tree)) else None
        if found is None or [call.name for call in found[1]] != ["where"]:
            return None
        items = filtered(self, found[0], [], focus)
        code.run(f"if len(L) > {MAX_ITEMS}:\n    raise ODD", L=items, ODD=code.bind(Odd))
        return items, found[1][0].arguments[0]

    def truth(self, formula: Formula, focus: str) -> str:
        """The local that holds the truth of a condition; data that are no condition raise `Fault`."""
        code, tree, truth = self.code, formula.expression.ast, self.code.fresh("t")
        if formula.fixed or is_whole(tree) or not is_boolean(tree):
            value = self.value(formula, focus)
        elif self.usual:
            return holds(self, tree, focus)
        else:
            value = code.fresh()
            with self._tried(value, formula, focus):
                code.run("V = R", V=value, R=logic(self, tree, focus))
        code.run(_TRUTH, T=truth, V=value, TRUTH=code.bind(truth_of))
        return truth

    @contextmanager
    def _tried(self, value: str, formula: Formula, focus: str) -> Iterator[None]:
        code = self.code
        prepare(self, formula.expression.ast, focus)
        hole = code.emit(_TRY, ODDITIES=code.bind(ODDITIES), V=value, LOOSE=code.bind(loose),
                         F=code.bind(formula.expression.evaluate), FOCUS=focus)  # fmt: skip
        with self.inside(hole):
            yield

    # Parts of a formula

    def path(self, names: tuple[str, ...], focus: str) -> str:
        """The local that holds what is at a path, a list for what is unusual."""
        for name in names:
            focus = self.step(focus, name)
        return focus

    def step(self, base: str, name: str) -> str:
        """The local that holds the element `name` of an item; a list for what is unusual."""
        found = self.known.paths.get((base, name))
        if found is None:
            found = told(self, nodes.Member(None, name, 0, 0, 0), base, one)
        if found is None:
            code, unfilled = self.code, self.unfilled
            if unfilled is not None and unfilled.hides((name,)):
                code.run("scope.fill()")
            if unfilled is not None and base in unfilled.said:
                base = unfilled.said[base]
                self.known.there.add(base)
            found = self.known.paths[base, name] = code.fresh()
            source = (_THERE_STEP if base in self.known.there else _USUAL_STEP) if self.usual else _STEP
            code.run(source, V=found, B=base, NAME=code.bind(name), STRANGE=code.bind(STRANGE))
        return found

    def one(self, node: nodes.Expr, focus: str) -> Operand:
        """The item that a part of the formula gives, None for none; a list for what is unusual."""
        if (made := self._made_before(node, focus)) is not None:
            return made
        match node:
            case nodes.Literal(value=None | str() | bool() | int() | Decimal() as value):
                return self.code.bind(value)
            case nodes.Member(target=None, name=name):
                return self.step(focus, name)
            case nodes.Member(target=nodes.Call(arguments=(part,)) as called) if self.usual and behind(called, part):
                return self._behind(node, called, part, focus)
            case nodes.Member(target=target, name=name) if target is not None and not self.is_fact(node):
                return self.step(self.local(self.one(target, focus)), name)
            case nodes.Special(name="this"):
                return looked_at(self, focus)
            case nodes.Variable():
                return self._variable(node, focus)
            case nodes.Call():
                return logic(self, node, focus) if is_boolean(node) else call(self, node, focus)
            case nodes.Binary() | nodes.Chain():
                return operation(self, node, focus)
        return self.outlined(node, focus)

    def _variable(self, node: nodes.Variable, focus: str) -> str:
        known, name = self.known, node.name
        if name in known.variables:
            return known.variables[name]
        if self.usual and name in ("item", "payload") and name in known.places:
            return known.places[name]
        if self.usual and name == "payload":
            return self._fixed(node, "%payload", evaluator(node, self.functions))
        return self.outlined(node, focus)

    def _behind(self, node: nodes.Member, called: nodes.Call, part: nodes.Expr, focus: str) -> Operand:
        """The element of the one item of `x.where(part)`, or of what a pure `x.select(part)` makes of it."""
        if called.name == "select":
            inner = nodes.Member(part, node.name, node.start, node.end, node.at)
            return self.one(replace(called, arguments=(inner,)), focus)
        assert called.target is not None
        item, answer = self.local(self.solid(self.one(called.target, focus))), self.code.fresh()
        element = self.step(item, node.name)
        self.code.run("R = V if C else None", R=answer, V=element, C=holds(self, part, item))
        return self.made(answer, self.kind(element)) if element in self.known.solid else answer

    def _made_before(self, node: nodes.Expr, focus: str) -> str | None:
        """The local of a part that is made before the loop, or for all items of a kind; None for others."""
        outer = self.outer
        if outer is not None and outer.gives(node, self.known.variables):
            return self._before(outer, node)
        return told(self, node, focus, one)

    def _before(self, outer: Outer, node: nodes.Expr) -> str:
        """The local of a part that all items of the loop share: `focus` is the record there."""
        text = print_expression(node)
        if text not in outer.made:
            with self.before(outer):
                outer.made[text] = self.local(self.solid(self.one(node, "focus")))
        found = outer.made[text]
        self.known.take(outer.known, found, found)
        return found

    def local(self, operand: Operand) -> str:
        """The operand as a local."""
        if isinstance(operand, str):
            return operand
        made = self.code.fresh()
        self.code.run("V = C", V=made, C=operand)
        return made

    def solid(self, operand: Operand) -> Operand:
        """The same operand, after statements that raise where it is unusual."""
        if isinstance(operand, str) and operand not in self.known.solid:
            self.code.run(_SOLID, V=operand, ODD=self.code.bind(Odd))
            self.known.solid.add(operand)
        return operand

    def made(self, name: str, kind: type | None = None) -> str:
        """The same local, which is known to hold no list, and only values of a class or None where one is given."""
        self.known.solid.add(name)
        if kind is not None:
            self.known.kinds[name] = kind
        return name

    def sure(self, name: str) -> str:
        """The same local, which is known to be neither None nor empty."""
        self.known.sure.add(name)
        return name

    def is_sure(self, operand: Operand) -> bool:
        """True for what is neither None nor empty."""
        return operand in self.known.sure if isinstance(operand, str) else bool(getattr(operand, "value", None))

    def kind(self, operand: Operand) -> type | None:
        """The class that an operand has where it is not None; None when that is not known."""
        if isinstance(operand, str):
            return self.known.kinds.get(operand)
        return type(operand.value) if isinstance(operand, ast.Constant) else None

    def outlined(self, node: nodes.Expr, focus: str) -> str:
        """A part of the formula by a FHIRPath function of its own; a list where it gives several items."""
        evaluate = evaluator(node, self.functions)
        if self.is_fact(node):
            return self._fixed(node, print_expression(node), evaluate)
        return self._evaluated(evaluate, focus)

    def times(self) -> str:
        """The local with what is remembered of local times in the unit."""
        if not self._times:
            self._times = self.code.fresh("u")
            with self.code.into(self.prelude):
                self.code.run("V = scope.times", V=self._times)
        return self._times

    def is_fact(self, node: nodes.Expr) -> bool:
        """True for `%study.x` and its like: a path that is the same in a whole unit and cannot fail."""
        while isinstance(node, nodes.Member) and node.target is not None:
            node = node.target
        return isinstance(node, nodes.Variable) and node.name not in self.known.variables and is_fixed(node)

    def is_fixed_test(self, node: nodes.Expr) -> bool:
        """True for `%study.x.exists()` and `.empty()`, which are the same in a whole unit and cannot fail."""
        is_test = isinstance(node, nodes.Call) and node.name in ("exists", "empty") and not node.arguments
        return is_test and isinstance(node, nodes.Call) and node.target is not None and self.is_fact(node.target)

    def _evaluated(self, evaluate: Evaluate, focus: str) -> str:
        code, value = self.code, self.code.fresh()
        if self.sealed:
            code.run("raise ODD", ODD=code.bind(Odd))
        if self.unfilled is not None:
            focus = filled(self, focus)
        self._store()
        code.run(_EVALUATE, V=value, LOOSE=code.bind(loose), F=code.bind(evaluate), FOCUS=focus)
        return value

    def _fixed(self, node: nodes.Expr, text: str, evaluate: Evaluate) -> str:
        """A value that is the same in the whole unit: made once, when the function is bound."""
        if (found := self._once.get(text)) is None:
            found = self._once[text] = write_fact(self.code, self.prelude, node, evaluate)
        return found
