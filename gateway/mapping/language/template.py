"""Resource templates of the file into typed plan nodes, checked against the R4 definitions.

Everything constant is folded into one `Constant`, built once and shared: nothing downstream changes a resource in
place (the store encodes it, the server's meta goes into a new dict).
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.definitions import Definitions
from gateway.fhirpath.syntax import nodes
from gateway.mapping.elements import (
    INTEGER_TYPES,
    NUMBER_TYPES,
    Slot,
    choice_slot,
    choice_stem,
    find_slot,
    known_names,
    vital_name,
)
from gateway.mapping.language.faults import FileFaults, Place
from gateway.mapping.language.formulas import Formulas, Names, is_expression, literal
from gateway.mapping.plan import Branch, Choice, Constant, Formula, Items, Map, Node, Series, Target, Value
from gateway.mapping.shape import refuses
from gateway.terminology import Terminology

_ESCAPE = "element:"
_FORMED = frozenset(("date", "dateTime", "instant", "time", "code", "id", "oid", "uuid", "uri", "url", "canonical"))
_EMPTY = Constant(None, "")


@dataclass(frozen=True, slots=True)
class Templates:
    """Builds the nodes of one file's templates."""

    definitions: Definitions
    terminology: Terminology | None
    formulas: Formulas
    faults: FileFaults

    def resource(self, tree: Any, place: Place, names: Names, contained: bool = False) -> tuple[str, Map] | None:
        """The resource type and root node of a template; None when it has no usable type."""
        kind = tree.get("resourceType") if isinstance(tree, dict) else None
        if not isinstance(kind, str) or kind not in self.definitions.types():
            self.faults.add("mapping.unknown-type", (*place, "resourceType"), type=kind or "(no resourceType)")
            return None
        for reserved in () if contained else ("id", "when", "foreach"):
            if reserved in tree:
                self.faults.add_at_key("mapping.reserved-element", (*place, reserved), name=reserved)
        target = Target(kind, kind, many=False, primitive=False)
        fields = self._fields(tree, kind, target, place, names)
        return kind, Map(fields, target, self.faults.position(place))

    def _fields(
        self, tree: dict[str, Any], inside: str, target: Target, place: Place, names: Names
    ) -> tuple[tuple[str, Node], ...]:
        """The fields of an object in the order of the file; missing required elements are noted."""
        fields: list[tuple[str, Node]] = []
        stems: dict[str, str] = {}
        for key, value in tree.items():
            name, here = key.removeprefix(_ESCAPE), (*place, key)
            if value is None:
                self.faults.check_null(here)
                continue
            if key in ("when", "foreach") or (key == "resourceType" and inside in self.definitions.types()):
                continue
            if name.endswith("[x]"):
                node = self._choice(value, name, inside, target, here, names)
                stem = name
            else:
                slot = find_slot(self.definitions, inside, name)
                if slot is None and (inside, name) == ("SampledData", "series"):
                    problem = "`series` stands alone in a SampledData of a grouped emit's resource"
                    self.faults.add("mapping.structure", here, problem=problem)
                    continue
                if slot is None:
                    known = known_names(self.definitions, inside)
                    self.faults.add_at_key("mapping.unknown-element", here, parent=inside, name=name, known=known)
                    continue
                stem = ("_" if slot.companion else "") + slot.element.name
                node = self._element(value, slot, target, here, names)
            if stem in stems and stem.endswith("[x]"):
                self.faults.add_at_key("mapping.choice-twice", here, element=f"{inside}.{stem}")
            stems[stem] = name
            if node is not _EMPTY:
                fields.append((name, node))
        self._check_required(inside, stems, target, place)
        return tuple(fields)

    def _check_required(self, inside: str, given: dict[str, str], target: Target, place: Place) -> None:
        for element in self.definitions.children(inside).values():
            if element.min > 0 and element.name not in given and "_" + element.name not in given:
                path = f"{target.path}.{element.name}"
                self.faults.add("mapping.element-missing", place, element=path, expression=path)

    def _element(self, value: Any, slot: Slot, parent: Target, place: Place, names: Names) -> Node:
        target = Target(
            path=f"{parent.path}.{slot.name}",
            type=slot.type,
            many=slot.many and not slot.companion,
            required=slot.element.min > 0 and not slot.companion,
            primitive=slot.primitive,
        )
        if isinstance(value, list):
            return self._items(value, slot, target, place, names)
        if is_expression(value):
            return self._value(value, target, place, names)
        loops = isinstance(value, dict) and "foreach" in value
        if target.many != loops:
            rule = "mapping.list-wanted" if target.many else "mapping.list-unwanted"
            self.faults.add_at_key(rule, place, element=target.path)
            return _EMPTY
        return self._single(value, slot, target, place, names)

    def _items(self, values: list[Any], slot: Slot, target: Target, place: Place, names: Names) -> Node:
        if not target.many:
            self.faults.add_at_key("mapping.list-unwanted", place, element=target.path)
            return _EMPTY
        if slot.element.max is not None and len(values) > slot.element.max:
            self.faults.add("mapping.too-many-items", place, element=target.path, max=slot.element.max)
        built: list[Node] = []
        for index, value in enumerate(values):
            here = (*place, index)
            if is_expression(value):
                node: Node = self._value(value, target, here, names)
            elif isinstance(value, list) or value is None:
                self.faults.add("mapping.literal-type", here, element=target.path, type=target.type)
                continue
            else:
                node = self._single(value, slot, target, here, names)
            if node is not _EMPTY:
                built.append(node)
        if all(isinstance(node, Constant) for node in built):
            constants = [node.value for node in built if isinstance(node, Constant)]
            return Constant(constants, self.faults.position(place)) if constants else _EMPTY
        return Items(tuple(built), target, self.faults.position(place))

    def _single(self, value: Any, slot: Slot, target: Target, place: Place, names: Names) -> Node:
        """A map or a literal, for one value of the element."""
        if isinstance(value, dict):
            if target.primitive:
                self.faults.add_at_key("mapping.literal-type", place, element=target.path, type=target.type)
                return _EMPTY
            return self._map(value, slot, target, place, names)
        plain = literal(value)
        if not target.primitive or not literal_fits(plain, target.type):
            self.faults.add("mapping.literal-type", place, element=target.path, type=target.type)
            return _EMPTY
        if not self._is_well_formed(plain, target.type):
            self.faults.add("mapping.literal-form", place, element=target.path, type=target.type)
        self.formulas.check_literal(value, place)
        self._check_code(plain, slot, target, place)
        return Constant(plain, self.faults.position(place))

    def _is_well_formed(self, value: Any, type_name: str) -> bool:
        """False for a literal that R4 does not take as a value of the primitive type: a date of a 13th month."""
        if isinstance(value, int):
            return type_name not in INTEGER_TYPES or -(2**31) <= value < 2**31
        element = self.definitions.element(f"{type_name}.value") if type_name in _FORMED else None
        pattern = element.types[0].regex if element is not None and element.types else None
        return pattern is None or re.fullmatch(pattern, value) is not None

    def _check_code(self, value: Any, slot: Slot, target: Target, place: Place) -> None:
        """Notes a literal code that is not in the element's required value set, or a concept none of whose is."""
        binding = slot.element.binding
        if self.terminology is None or binding is None or binding.strength != "required" or not binding.value_set:
            return
        known: list[tuple[str | None, str]] = (
            [(None, value)] if target.type == "code" else _codings(value, target.type)
        )
        results = [self.terminology.validate_code(*one, binding.value_set).result for one in known]
        if results and all(result is False for result in results):
            self.faults.add("mapping.code-not-bound", place, element=target.path, value_set=binding.value_set)

    def _map(self, tree: dict[str, Any], slot: Slot, target: Target, place: Place, names: Names) -> Node:
        foreach = self._control("foreach", tree, place, names)
        names = names.at(foreach)
        if slot.type == "Resource":
            built = self.resource(tree, place, names, contained=True)
            if built is None:
                return _EMPTY
            fields: tuple[tuple[str, Node | Series], ...] = (
                ("resourceType", Constant(built[0], "")),
                *built[1].fields,
            )
        else:
            fields = self._fields(tree, slot.inside, target, place, names)
        when = self._control("when", tree, place, names)
        position = self.faults.position(place)
        if when is None and foreach is None and all(isinstance(node, Constant) for _, node in fields):
            constants = {key: node.value for key, node in fields if isinstance(node, Constant)}
            self._check_code(constants, slot, target, place)
            return Constant(constants, position) if constants else _EMPTY
        vital = vital_name(target.type)
        computed = any(key == vital and not isinstance(node, Constant) for key, node in fields)
        return Map(fields, target, position, when, foreach, vital if computed else "")

    def _control(self, key: str, tree: dict[str, Any], place: Place, names: Names) -> Formula | None:
        if key not in tree:
            return None
        if not is_expression(tree[key]):
            self.faults.add("mapping.structure", (*place, key), problem=f"`{key}` takes an expression (=...)")
            return None
        return self.formulas.compile(tree[key], (*place, key), names)

    def _value(self, text: str, target: Target, place: Place, names: Names) -> Node:
        formula = self.formulas.compile(text, place, names)
        if formula is None:
            return _EMPTY
        tree = formula.expression.ast
        if not target.many and isinstance(tree, nodes.Chain) and tree.operator == "|":
            self.faults.add("mapping.union-as-fallback", place)
        if refuses(target.type, target.primitive, formula.found.kind):
            kind, element = formula.found.kind, target.path
            self.faults.add("mapping.result-type", place, element=element, type=target.type, kind=kind)
        return Value(formula, target)

    def _choice(self, value: Any, name: str, inside: str, parent: Target, place: Place, names: Names) -> Node:
        element = self.definitions.children(inside).get(name)
        if element is None:
            known = known_names(self.definitions, inside)
            self.faults.add_at_key("mapping.unknown-element", place, parent=inside, name=name, known=known)
            return _EMPTY
        if not isinstance(value, list) or not all(isinstance(branch, dict) for branch in value):
            self.faults.add("mapping.structure", place, problem=f"{name} takes a list of branches")
            return _EMPTY
        target = Target(f"{parent.path}.{choice_stem(element)}", "", many=False, required=element.min > 0)
        branches: list[Branch] = []
        for index, branch in enumerate(value):
            here = (*place, index)
            built = self._branch(branch, name, inside, parent, here, names)
            if built is not None and _is_dead(built, branches):
                self.faults.add("mapping.unreachable", here)
            if built is not None:
                branches.append(built)
        return Choice(tuple(branches), target, self.faults.position(place))

    def _branch(
        self, branch: dict[str, Any], name: str, inside: str, parent: Target, place: Place, names: Names
    ) -> Branch | None:
        position = self.faults.position(place)
        if "else" in branch:
            refusal = str(branch["else"])
            if len(branch) > 1 or not refusal.startswith("issue "):
                self.faults.add("mapping.structure", place, problem="the last branch is `else: issue CODE` alone")
            return Branch(None, "", None, refusal.removeprefix("issue ").strip(), position)
        kinds = [key for key in branch if key != "when"]
        if len(kinds) > 1 or not branch:
            self.faults.add("mapping.structure", place, problem="a branch has one type, and `when`")
            return None
        if not kinds:
            return Branch(self._control("when", branch, place, names), "", None, "", position)
        slot = choice_slot(self.definitions, inside, name, kinds[0])
        if slot is None:
            element = self.definitions.children(inside)[name]
            known = ", ".join(reference.code for reference in element.types)
            here = (*place, kinds[0])
            self.faults.add_at_key("mapping.choice-type", here, element=name, type=kinds[0], known=known)
            return None
        when = self._control("when", branch, place, names)
        if when is None and "when" in branch:
            return None
        node = self._element(branch[kinds[0]], slot, parent, (*place, kinds[0]), names)
        return Branch(when, slot.name, None if node is _EMPTY else node, "", position)


def _codings(value: Any, type_name: str) -> list[tuple[str | None, str]]:
    """System, if any, and code of a literal code, Coding or CodeableConcept; [] for other types, and for what is not
    stated in full."""
    if type_name == "code":
        return [(None, value)]
    found = value.get("coding", []) if type_name == "CodeableConcept" else [value] if type_name == "Coding" else []
    return [(one["system"], one["code"]) for one in found if "system" in one and "code" in one]


def _is_dead(branch: Branch, before: list[Branch]) -> bool:
    """True for a branch behind one without a condition or with the same, or whose condition is never true."""
    never = branch.when is not None and getattr(branch.when.expression.ast, "value", None) is False
    taken = any(other.when is None or (branch.when and other.when.text == branch.when.text) for other in before)
    return never or taken


def literal_fits(value: Any, type_name: str) -> bool:
    """True when a literal of the file has the JSON type of the FHIR primitive."""
    if type_name == "boolean":
        return isinstance(value, bool)
    if type_name in INTEGER_TYPES:
        return isinstance(value, int) and not isinstance(value, bool)
    if type_name in NUMBER_TYPES:
        return isinstance(value, int | Decimal) and not isinstance(value, bool)
    return isinstance(value, str) and value != ""
