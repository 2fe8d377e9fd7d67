"""Expressions of a mapping file: compiled, and checked against what the file defines.

Variables, concept maps, look-ups, emits and units that an expression names must exist; each fault has its column.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.fhirpath import Expression, FhirPathError, FunctionSpec, compile
from gateway.fhirpath.syntax import nodes
from gateway.mapping.functions.numbers import unit_is_valid, units_compare
from gateway.mapping.functions.times import time_pattern
from gateway.mapping.language.faults import FileFaults, Place
from gateway.mapping.language.literals import unknown_column, wrong_arguments
from gateway.mapping.lineage import counted, fact_path, is_fixed, joins, sources_of, variables_of, walk
from gateway.mapping.plan import Formula, Source
from gateway.mapping.shape import Found, Shape, find

FACTS = frozenset({"payload", "record", "records", "item", "index", "subject", "site", "study", "envelope"})
GIVEN = {"envelope": frozenset({"receivedAt", "payloadSha256"}), "study": frozenset({"id"})}
"""What the engine itself puts into the context, beside what the file declares."""

RESERVED = frozenset({"ucum", "sct", "loinc", "context", "resource", "rootResource"})
"""Variables of FHIRPath itself, which no mapping can give another meaning."""

MAX_EXPRESSION = 10_000
"""How many characters an expression may have: the functions that are generated of it are some twenty times longer."""

MAX_EXPRESSIONS = 200_000
"""How many characters all expressions of a file may have."""

_BUILT_IN = frozenset({"ucum", "context"})
_NO_CLOCK = "has no clock in a mapping; %envelope.receivedAt tells when the payload came"
_NO_SERVICE = "asks for definitions or terminology, which mappings do not have"
_ABSENT = {
    **dict.fromkeys(("now", "today", "timeOfDay"), _NO_CLOCK),
    **dict.fromkeys(("memberOf", "subsumes", "subsumedBy", "conformsTo", "slice", "elementDefinition"), _NO_SERVICE),
    "resolve": "finds nothing in a mapping, which reads its payload alone",
}
"""Functions of FHIRPath that compile, and could never give anything here."""

_MAP_ARGUMENT = {"translate": 0, "coding": 0, "codeable": 0, "quantity": 1}
_WITHOUT_MAP = frozenset({"codeable", "quantity"})


def is_expression(value: Any) -> bool:
    """True for a text that starts with one `=`."""
    return isinstance(value, str) and value.startswith("=") and not value.startswith("==")


def literal(value: Any) -> Any:
    """The literal value: `==x` is the text `=x`."""
    return value[1:] if isinstance(value, str) and value.startswith("==") else value


@dataclass(frozen=True, slots=True)
class Names:
    """What expressions may refer to. `context` is what the file declares, None when it declares nothing; `columns`
    are those of look-up tables that could be read."""

    maps: frozenset[str]
    lookups: frozenset[str]
    emits: frozenset[str]
    context: Mapping[str, frozenset[str]] | None
    variables: Mapping[str, tuple[Source, ...]] = field(default_factory=dict)
    facts: frozenset[str] = FACTS
    ends: Mapping[str, tuple[Source, ...]] | None = None
    columns: Mapping[str, frozenset[str]] = field(default_factory=dict)
    shape: Shape = field(default_factory=Shape)

    def only(self, *facts: str) -> "Names":
        """The same names where of all facts these alone are known."""
        return replace(self, facts=frozenset(facts))

    def rooted(self, source: Source) -> Source:
        """The path in the payload behind `first.x` and `last.x` of a grouped emit, whose `ends` are the variables of
        its members; any other path as it is."""
        if self.ends is None or source.root != "focus" or source.names[:1] not in (("first",), ("last",)):
            return source
        end, name = source.names[0], source.names[1] if len(source.names) > 1 else ""
        known = self.ends.get(name, ())
        return (
            replace(known[0], root=end) if known and known[0].root in ("record", "item", "focus") else Source(end, ())
        )

    def with_variable(self, name: str, sources: tuple[Source, ...], found: Found) -> "Names":
        """The same names and one more variable."""
        shape = self.shape.with_variable(name, found)
        return replace(self, variables={**self.variables, name: sources}, shape=shape)

    def at(self, formula: Formula | None) -> "Names":
        """The same names where the focus is an item of what the formula finds; the same focus for None."""
        return self if formula is None else replace(self, shape=self.shape.at(formula.found))


@dataclass(slots=True)
class Formulas:
    """Compiles the expressions of one file and notes what they use; `joined` are variables that may grow."""

    faults: FileFaults
    functions: Mapping[str, FunctionSpec]
    used: set[str] = field(default_factory=set)
    joined: set[str] = field(default_factory=set)
    refs: list[tuple[str, int, Place]] = field(default_factory=list)
    length: int = 0

    def compile(self, text: str, place: Place, names: Names) -> Formula | None:
        """The formula of `=...` at `place`; None when it has faults, which are noted."""
        if self._is_too_long(text, place):
            return None
        try:
            expression = compile(text[1:], model=None, functions=self.functions)
        except FhirPathError as error:
            self.faults.add("mapping.expression", place, offset=error.offset + 1, problem=error.message)
            return None
        before = self.faults.count
        for node in walk(expression.ast):
            self._check_node(node, place, names)
        if self.faults.count > before:
            return None

        def missing(name: str, node: nodes.Member, closed: bool, known: str) -> None:
            rule = "mapping.path-unknown" if closed else "mapping.path-doubtful"
            self._fault(rule, node, place, at=node.at, name=name, known=known)

        found = find(expression.ast, names.shape, missing)
        return self._formula(text, place, expression, names, found)

    def _is_too_long(self, text: str, place: Place) -> bool:
        """Notes an expression that is too long, and the first of those that are too long together."""
        before, self.length = self.length, self.length + len(text)
        if len(text) > MAX_EXPRESSION:
            problem = f"it is longer than {MAX_EXPRESSION} characters"
        elif before <= MAX_EXPRESSIONS < self.length:
            problem = f"the expressions of a file have at most {MAX_EXPRESSIONS} characters together"
        else:
            return before > MAX_EXPRESSIONS
        self.faults.add("mapping.expression", place, problem=problem)
        return True

    def check_literal(self, value: Any, place: Place) -> None:
        """Notes a literal text that reads as an expression: its `=` was forgotten."""
        if isinstance(value, str) and ("(" in value or value.startswith("%")) and not value.startswith("=="):
            try:
                tree = compile(value, model=None, functions=self.functions).ast
            except FhirPathError:
                return
            if any(isinstance(node, nodes.Call | nodes.Variable) for node in walk(tree)):
                self.faults.add("mapping.literal-doubtful", place)

    def _formula(self, text: str, place: Place, expression: Expression, names: Names, found: Found) -> Formula:
        return Formula(
            text=text[1:],
            position=self.faults.position(place),
            expression=counted(expression),
            sources=tuple(names.rooted(source) for source in sources_of(expression.ast, names.variables)),
            fixed=is_fixed(expression.ast),
            found=found,
            fact=fact_path(expression.ast),
            grows=joins(expression.ast) and not self.joined.isdisjoint(variables_of(expression.ast)),
        )

    def _check_node(self, node: nodes.Expr, place: Place, names: Names) -> None:
        if isinstance(node, nodes.Member):
            self._check_column(node, place, names)
        if isinstance(node, nodes.Variable):
            self._check_variable(node, place, names)
        elif isinstance(node, nodes.Member) and isinstance(node.target, nodes.Member):
            self._check_end(node, node.target, place, names)
        elif isinstance(node, nodes.Member) and isinstance(node.target, nodes.Variable):
            self._check_context(node, node.target.name, place, names)
        elif isinstance(node, nodes.Call):
            if node.name in _MAP_ARGUMENT:
                self._check_map(node, place, names)
            check = _CALLS.get(node.name)
            if check:
                check(self, node, place, names)
            if node.name in _ABSENT:
                problem = f"{node.name}() {_ABSENT[node.name]}"
                self._fault("mapping.expression", node, place, at=node.at, problem=problem)
            for argument, problem in wrong_arguments(node):
                self._fault("mapping.expression", argument, place, problem=problem)

    def _check_variable(self, node: nodes.Variable, place: Place, names: Names) -> None:
        known = names.facts | names.variables.keys()
        if node.name not in known | _BUILT_IN:
            self._fault("mapping.unknown-variable", node, place, name=f"%{node.name}", known=", ".join(sorted(known)))
        self.used.add(f"var {node.name}")

    def _check_end(self, node: nodes.Member, end: nodes.Member, place: Place, names: Names) -> None:
        """`first.x` and `last.x` of a grouped emit are variables of its members."""
        if names.ends is None or end.target is not None or end.name not in ("first", "last"):
            return
        if node.name != "record" and node.name not in names.ends:
            known = ", ".join([f"{end.name}.{name}" for name in ("record", *names.ends)])
            known += f"; a field of the member is {end.name}.record.NAME"
            self._fault("mapping.unknown-variable", node, place, name=f"{end.name}.{node.name}", known=known)
        self.used.add(f"var {node.name}")

    def _check_context(self, node: nodes.Member, variable: str, place: Place, names: Names) -> None:
        if names.context is None or variable not in ("envelope", "study", "site") or variable not in names.context:
            return
        if node.name not in names.context[variable] | GIVEN.get(variable, frozenset()):
            self._fault("mapping.context-undeclared", node, place, name=f"{variable}.{node.name}")

    def _check_map(self, node: nodes.Call, place: Place, names: Names) -> None:
        index = _MAP_ARGUMENT[node.name]
        if len(node.arguments) <= index:
            return
        argument = node.arguments[index]
        name = argument.value if isinstance(argument, nodes.Literal) else None
        if name == "" and node.name in _WITHOUT_MAP:
            return
        if name not in names.maps:
            shown = name if isinstance(name, str) else "(a literal name is needed)"
            self._fault("mapping.unknown-map", argument, place, name=shown, known=", ".join(sorted(names.maps)))
        self.used.add(f"map {name}")

    def _check_lookup(self, node: nodes.Call, place: Place, names: Names) -> None:
        argument = node.arguments[0]
        name = argument.value if isinstance(argument, nodes.Literal) else None
        if name not in names.lookups:
            known = ", ".join(sorted(names.lookups))
            self._fault("mapping.unknown-lookup", argument, place, name=name or "(a literal is needed)", known=known)
        self.used.add(f"lookup {name}")

    def _check_column(self, node: nodes.Member, place: Place, names: Names) -> None:
        known = unknown_column(node, names.columns)
        if known is not None:
            self._fault("mapping.unknown-column", node, place, at=node.at, name=node.name, known=known)

    def _check_ref(self, node: nodes.Call, place: Place, names: Names) -> None:
        argument = node.arguments[0]
        name = argument.value if isinstance(argument, nodes.Literal) else None
        if name not in names.emits:
            known = ", ".join(sorted(names.emits))
            self._fault("mapping.unknown-emit", argument, place, name=name or "(a literal is needed)", known=known)
        else:
            self.refs.append((str(name), len(node.arguments) - 1, place))

    def _check_units(self, node: nodes.Call, place: Place, names: Names) -> None:
        mapped = len(node.arguments) > 1 and getattr(node.arguments[1], "value", None) != ""
        for index, argument in enumerate(node.arguments):
            unit = argument.value if isinstance(argument, nodes.Literal) else None
            is_unit = index == 2 or (index == 0 and not mapped)
            if is_unit and isinstance(unit, str) and not unit_is_valid(unit):
                self._fault("mapping.unit-invalid", argument, place, unit=unit)
        units = [argument.value for argument in node.arguments[::2] if isinstance(argument, nodes.Literal)]
        given, target = (str(units[0]), str(units[1])) if len(units) == 2 and not mapped else ("", "")
        if unit_is_valid(given) and unit_is_valid(target) and not units_compare(given, target):
            self._fault("mapping.unit-inconvertible", node.arguments[2], place, unit=given, target=target)

    def _check_pattern(self, node: nodes.Call, place: Place, names: Names) -> None:
        argument = node.arguments[0]
        if not isinstance(argument, nodes.Literal) or time_pattern(str(argument.value)) is None:
            self._fault(
                "mapping.expression",
                argument,
                place,
                problem="parseTime() takes a literal pattern with YYYY, of its tokens, T and Z",
            )

    def _fault(self, rule: str, node: nodes.Expr, place: Place, at: int | None = None, **names: Any) -> None:
        self.faults.add(rule, place, offset=(node.start if at is None else at) + 1, **names)


_Check = Callable[[Formulas, nodes.Call, Place, Names], None]
_CALLS: dict[str, _Check] = {
    "lookup": Formulas._check_lookup,
    "ref": Formulas._check_ref,
    "quantity": Formulas._check_units,
    "parseTime": Formulas._check_pattern,
}
