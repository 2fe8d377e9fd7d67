"""What each part of an expression gives, found before any data is seen, and the faults that show so early.

With a base type every element, type and operand is checked. Without one only what the text alone tells is.
"""

from typing import Final

from gateway.fhirpath import kinds
from gateway.fhirpath.errors import FhirPathError
from gateway.fhirpath.facts import KNOWN_VARIABLES, Facts, Options, Scope
from gateway.fhirpath.invocations import call_kind
from gateway.fhirpath.kinds import Kind
from gateway.fhirpath.model import Property
from gateway.fhirpath.operands import NUMERIC, literal_kind, operator_kind, require, single
from gateway.fhirpath.syntax.nodes import (
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
from gateway.fhirpath.types import ABSTRACT, is_exactly, matches, targets

_WHOLE_NUMBERS: Final = frozenset(("System.Integer", "System.Long"))


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
        match node:  # the most frequent first
            case Member():
                found, after = self._member(node, scope)
            case Call():
                found, after = call_kind(self, node, scope)
            case Literal():
                found = literal_kind(node.value)
            case Binary() | Chain():
                found = operator_kind(self, node, scope)
            case Special():
                found = self._special(node, scope)
            case Variable():
                found = self._variable(node, scope)
            case TypeTest():
                found = self.type_test(node.operator, self.kind(node.operand, scope), node.type, node.operand)
            case Indexer():
                found, after = self._indexer(node, scope)
            case Unary():
                found = self._unary(node, scope)
        self.facts.kinds[id(node)] = found
        return found, after

    def _special(self, node: Special, scope: Scope) -> Kind:
        if node.name == "this":
            return scope.this
        if node.name == "index" and scope.is_item:
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
            if scope.is_root and self._is_prefix(node.name, scope.this):
                self.facts.prefixes.add(id(node))
                return self._prefix(node, scope.this), scope
            return self._step(scope.this, node), scope
        target, after = self.visit(node.target, scope)
        return self._step(target, node), after

    def _step(self, target: Kind, node: Member) -> Kind:
        sole = target.sole
        found = None if self.model is None or sole is None or sole in ABSTRACT else self.property(sole, node.name)
        if found is None:
            return self.step(target, node)
        if found.choice:
            self.facts.choices[id(node)] = found
        kind = found.kind
        if not target.many and target.ordered:
            return kind
        return Kind(kind.types, kind.many or target.many, target.ordered)

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
                found = member.kind if found is None else found.join(member.kind)
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
        _whole_numbers_are_told_apart(self, operand, wanted, name, operator)
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


_SYSTEM_MEMBERS = {
    ("System.Quantity", "value"): Property((("value", "System.Decimal"),), many=False),
    ("System.Quantity", "unit"): Property((("unit", "System.String"),), many=False),
    ("System.TypeInfo", "namespace"): Property((("namespace", "System.String"),), many=False),
    ("System.TypeInfo", "name"): Property((("name", "System.String"),), many=False),
}


def _whole_numbers_are_told_apart(
    analysis: Analyzer, operand: Kind, wanted: frozenset[str], name: TypeName, operator: str
) -> None:
    """Refuses to pick Longs or Integers from a mix of both: at run time they are the same."""
    if wanted & _WHOLE_NUMBERS and operand.types is not None and operand.types >= _WHOLE_NUMBERS:
        expected = "one sort of whole number: Integer and Long cannot be told apart in a mix"
        raise analysis.fail("fhirpath.argument", name.start, name=operator, expected=expected)
