"""What each part of an expression gives, found before any data is seen, and the faults that show so early.

With a base type every element, type and operand is checked. Without one only what the text alone tells is.
"""

from gateway.fhirpath import kinds
from gateway.fhirpath.errors import FhirPathError
from gateway.fhirpath.facts import KNOWN_VARIABLES, Facts, Options, Scope
from gateway.fhirpath.forms import FORMS
from gateway.fhirpath.functions import FUNCTIONS, Function
from gateway.fhirpath.kinds import Kind
from gateway.fhirpath.model import Property
from gateway.fhirpath.nodes import (
    Binary,
    Call,
    Chain,
    Expr,
    Indexer,
    Literal,
    Member,
    Special,
    TypeName,
    TypeTest,
    Unary,
    Variable,
)
from gateway.fhirpath.operands import NUMERIC, TAKES, operator_kind, require, single
from gateway.fhirpath.quantity import Quantity
from gateway.fhirpath.temporal import Temporal
from gateway.fhirpath.types import ABSTRACT, is_exactly, matches, targets


class Analyzer:
    """One analysis of one expression."""

    def __init__(self, text: str, options: Options) -> None:
        self.text = text
        self.options = options
        self.model = options.model
        self.facts = Facts()

    def fail(self, rule: str, offset: int, **names: object) -> FhirPathError:
        """The error of a rule at an offset."""
        return FhirPathError(rule, self.text, offset, **names)

    def refuse(self, rule: str, offset: int, **names: object) -> None:
        """Raises the error of a rule where the model is law; otherwise keeps it as a warning."""
        error = self.fail(rule, offset, **names)
        if self.options.strict:
            raise error
        if all((known.rule, known.offset) != (rule, offset) for known in self.facts.warnings):
            self.facts.warnings.append(error)

    def kind(self, node: Expr, scope: Scope) -> Kind:
        """The kind of a node, which is also kept."""
        return self.visit(node, scope)[0]

    def visit(self, node: Expr, scope: Scope) -> tuple[Kind, Scope]:
        """The kind of a node, and the scope for what follows it in a chain of steps."""
        after = scope
        match node:
            case Literal():
                found = literal_kind(node.value)
            case Special():
                found = self._special(node, scope)
            case Variable():
                found = self._variable(node, scope)
            case Member():
                found, after = self._member(node, scope)
            case Call():
                found, after = self._call(node, scope)
            case Indexer():
                found, after = self._indexer(node, scope)
            case TypeTest():
                found = self.type_test(node.operator, self.kind(node.operand, scope), node.type, node.operand)
            case Unary():
                found = self._unary(node, scope)
            case Binary() | Chain():
                found = operator_kind(self, node, scope)
        self.facts.kinds[id(node)] = found
        return found, after

    def _special(self, node: Special, scope: Scope) -> Kind:
        if node.name == "this":
            return scope.this
        if node.name == "index" and scope.index:
            return kinds.INTEGER
        if node.name == "total" and scope.total is not None:
            return scope.total
        raise self.fail("fhirpath.unknown-variable", node.start, name=f"${node.name}")

    def _variable(self, node: Variable, scope: Scope) -> Kind:
        definition = scope.variables.get(node.name)
        if definition is not None:
            self.facts.definitions[id(node)] = definition
            return self.facts.kinds.get(-id(definition), kinds.UNKNOWN)
        if node.name in ("ucum", "sct", "loinc") or node.name.startswith(("vs-", "ext-")):
            return kinds.STRING
        known = self.options.variables
        if known is not None and node.name not in known and node.name not in KNOWN_VARIABLES:
            raise self.fail("fhirpath.unknown-variable", node.start, name=node.name)
        if node.name in ("resource", "rootResource", "context"):
            return kinds.UNKNOWN_ITEM
        return kinds.UNKNOWN

    def _unary(self, node: Unary, scope: Scope) -> Kind:
        operand = self.kind(node.operand, scope)
        require(self, operand, NUMERIC, node.operator, node.start)
        single(self, operand, node.operand, node.operator)
        return operand.one()

    def _indexer(self, node: Indexer, scope: Scope) -> tuple[Kind, Scope]:
        target, after = self.visit(node.target, scope)
        self.ordered(target, "[]", node.target.end)
        single(self, self.kind(node.index, scope), node.index, "[]")
        return target.one(), after

    def ordered(self, kind: Kind, name: str, offset: int) -> None:
        """Refuses a collection without order where the order matters."""
        if not kind.ordered:
            self.refuse("fhirpath.unordered", offset, name=name)

    def _member(self, node: Member, scope: Scope) -> tuple[Kind, Scope]:
        if node.target is None:
            if scope.root and self._is_prefix(node.name, scope.this):
                self.facts.prefixes.add(id(node))
                return self._prefix(node, scope.this), scope
            return self._step(scope.this, node), scope
        target, after = self.visit(node.target, scope)
        return self._step(target, node), after

    def _step(self, target: Kind, node: Member) -> Kind:
        if self.model is not None and target.sole is not None and target.sole not in ABSTRACT:
            found = self.property(target.sole, node.name)
            if found is not None and found.choice:
                self.facts.choices[id(node)] = found
        return self.step(target, node)

    def _is_prefix(self, name: str, this: Kind) -> bool:
        if self.model is None or not name[:1].isupper() or not self.model.knows(name):
            return False
        return this.types is None or all(self.model.member(known, name) is None for known in this.types)

    def _prefix(self, node: Member, this: Kind) -> Kind:
        """A type name at the start of a path stands for the focus when that is of the type."""
        if this.types is None or this.types & ABSTRACT:
            return Kind(frozenset((node.name,)), this.many)
        kept = frozenset(known for known in this.types if matches(known, (node.name,), self.model))
        if not kept:
            self.refuse("fhirpath.unknown-element", node.at, type="/".join(sorted(this.types)), name=node.name)
        return Kind(kept, this.many)

    def step(self, target: Kind, node: Member) -> Kind:
        """The kind of an element of the target's items."""
        if self.model is None or target.types is None:
            return kinds.UNKNOWN
        found: Kind | None = None
        open_ended = False
        for name in target.types:
            member = self.property(name, node.name)
            open_ended = open_ended or (member is None and name in ABSTRACT)
            if member is not None:
                one = Kind(member.types, member.many)
                found = one if found is None else found.join(one)
        if open_ended:
            return kinds.UNKNOWN
        if found is None:
            if target.types:
                types = "/".join(sorted(target.types)[:3])
                self.refuse("fhirpath.unknown-element", node.at, type=types, name=node.name)
            return kinds.NOTHING
        return Kind(found.types, found.many or target.many, target.ordered)

    def property(self, type_name: str, name: str) -> Property | None:
        """The element of a type, System types included; None when there is none."""
        if type_name.startswith("System."):
            return _SYSTEM_MEMBERS.get((type_name, name))
        return None if self.model is None else self.model.member(type_name, name)

    def type_test(self, operator: str, operand: Kind, name: TypeName, node: Expr | None) -> Kind:
        """The kind of `is`, `as` and `ofType` of an operand; notes when only the data can tell."""
        wanted = self.wanted(name)
        is_choice = id(node) in self.facts.choices
        if node is not None and (operator == "is" or (operator == "as" and not is_choice and operand.sole)):
            single(self, operand, node, operator)
        if operator == "is":
            if not is_choice:
                self.note_types(operand, frozenset(t for t in operand.types or () if matches(t, wanted, self.model)))
            return kinds.BOOLEAN
        if operand.types is None or operand.types & ABSTRACT:
            self.note_types(operand, frozenset())
            return Kind(wanted, operand.many, operand.ordered)
        kept = frozenset(known for known in operand.types if is_exactly(known, wanted, self.model))
        if is_choice:
            self.facts.narrowed[id(node)] = kept
        else:
            self.note_types(operand, kept)
        return Kind(kept, operand.many, operand.ordered)

    def wanted(self, name: TypeName) -> frozenset[str]:
        """The types that a name stands for; a name without any is an error."""
        wanted = targets(name, self.model)
        if not wanted:
            raise self.fail("fhirpath.unknown-type", name.start, name=name.name)
        return wanted

    def note_types(self, operand: Kind, kept: frozenset[str]) -> None:
        """Notes that items must carry their type, unless all or none of the possible types are meant."""
        if self.model is None:
            return
        if (
            operand.types is None
            or (kept and kept != operand.types)
            or operand.types & {"Element", "BackboneElement"}
        ):
            self.facts.typed = True

    def _call(self, node: Call, scope: Scope) -> tuple[Kind, Scope]:
        form = FORMS.get(node.name)
        added = self.options.functions.get(node.name)
        target, after = (scope.this, scope) if node.target is None else self.visit(node.target, scope)
        if added is not None:
            self._arity(node, added.min_args, added.max_args)
            for argument in node.arguments:
                self.kind(argument, after)
            return kinds.UNKNOWN, after
        if form is not None:
            self._arity(node, form.least, form.most)
            return form.analyse(self, node, target, after)
        plain = FUNCTIONS.get(node.name)
        if plain is None:
            raise self.fail("fhirpath.unknown-function", node.at, name=node.name)
        self._arity(node, plain.least, plain.most)
        return self._plain(node, plain, target, after), after

    def _arity(self, node: Call, least: int, most: int) -> None:
        found = len(node.arguments)
        if not least <= found <= most:
            expected = str(least) if least == most else f"{least} to {most}" if most < 255 else f"{least} or more"
            raise self.fail("fhirpath.arity", node.at, name=node.name, expected=expected, found=found)

    def _is_primitive(self, name: str) -> bool:
        return self.model is not None and self.model.is_primitive(name)

    def _accepted(self, node: Call, function: Function) -> None:
        """Refuses a first argument, written as a text, that the function can never take."""
        first = node.arguments[0] if node.arguments else None
        text = first.value if isinstance(first, Literal) else None
        if first is not None and isinstance(text, str) and function.accepts and not function.accepts(text):
            raise self.fail("fhirpath.pattern", first.start, name=node.name)

    def _plain(self, node: Call, function: Function, target: Kind, scope: Scope) -> Kind:
        primitives = target.types is None or any(map(self._is_primitive, target.types))
        if function.typed == "tree" or (function.typed and primitives):
            self.note_types(kinds.UNKNOWN, frozenset())
        if function.ordered:
            self.ordered(target, node.name, node.at)
        require(self, target, TAKES[function.focus], f"{node.name}()", node.at)
        if function.focus != "Items" and node.target is not None:
            single(self, target, node.target, f"{node.name}()")
        for argument, takes in zip(node.arguments, function.parameters(len(node.arguments)), strict=True):
            given = self.kind(argument, scope)
            require(self, given, TAKES[takes], f"{node.name}()", argument.start)
            if takes != "Items":
                single(self, given, argument, f"{node.name}()")
        self._accepted(node, function)
        if function.returns is not None:
            return function.returns
        return target.one() if function.focus == "Item" or node.name == "last" else target


def literal_kind(value: object) -> Kind:
    """The kind of a literal."""
    match value:
        case None:
            return kinds.NOTHING
        case bool():
            return kinds.BOOLEAN
        case str():
            return kinds.STRING
        case int():
            return kinds.INTEGER
        case Temporal():
            return kinds.system(value.sort)
        case Quantity():
            return kinds.QUANTITY
    return kinds.DECIMAL


_SYSTEM_MEMBERS = {
    ("System.Quantity", "value"): Property((("value", "System.Decimal"),), many=False),
    ("System.Quantity", "unit"): Property((("unit", "System.String"),), many=False),
    ("System.TypeInfo", "namespace"): Property((("namespace", "System.String"),), many=False),
    ("System.TypeInfo", "name"): Property((("name", "System.String"),), many=False),
}
