"""Base types compiled: unknown elements, JSON shapes, types, formats, cardinality, choices, bindings, invariants.

A type becomes one function with a table of its JSON names; data types are compiled at first use and shared.
See https://hl7.org/fhir/R4/json.html and https://hl7.org/fhir/R4/validation.html.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.conformance.base.remembered import FieldCheck, remembering_field, stands_alone
from gateway.conformance.invariants.invariant import Invariants
from gateway.conformance.invariants.shapes import Sure, Whole, names_alone, never, of_shape
from gateway.conformance.run import Check, Location, Run
from gateway.conformance.values.attachment import check_attachment
from gateway.conformance.values.binding import binding_check
from gateway.conformance.values.coding import CodeChecks, check_identifier
from gateway.conformance.values.narrative import check_narrative
from gateway.conformance.values.primitive import FORMATS
from gateway.conformance.values.reference import form_check, target_check, with_shortcut
from gateway.definitions import Definitions, Element, TypeRef
from gateway.terminology import Terminology

INLINE = frozenset({"BackboneElement", "Element"})
SHAPES = {"boolean": "boolean", "integer": "number", "positiveInt": "number", "unsignedInt": "number",
          "decimal": "number"}  # fmt: skip

OWN_RULES: Mapping[str, tuple[Check, ...]] = {
    "Attachment": (check_attachment,),
    "Identifier": (check_identifier,),
    "Narrative": (check_narrative,),
}
"""Rules of types that their definitions state in prose only."""


def json_name(element: Element, type_name: str) -> str:
    """The name of an element in JSON: `valueQuantity` for the type Quantity of `value[x]`."""
    if not element.is_choice:
        return element.name
    return element.name[:-3] + type_name[:1].upper() + type_name[1:]


def step_name(element: Element, type_name: str) -> str:
    """The name of an element in FHIRPath: `value.ofType(Quantity)` for a choice."""
    return f"{element.name[:-3]}.ofType({type_name})" if element.is_choice else element.name


class BaseTypes:
    """Compiles types of the definitions into checks.

    `nested` checks a resource inside another (contained, Bundle.entry.resource, Parameters.parameter.resource),
    `extension` an extension besides its own structure, `profile` a value against a type profile; `surely` gives the
    tests of the elements of a resource, or of a part of one, that spare their checks.
    """

    def __init__(
        self,
        definitions: Definitions,
        terminology: Terminology,
        invariants: Invariants,
        *,
        nested: Callable[[str], Check],
        extension: Callable[[str, Element], Check],
        profile: Callable[[str], Check],
        surely: Callable[[str], Mapping[str, Sure]],
    ) -> None:
        self._surely = surely
        self._definitions = definitions
        self._terminology = terminology
        self._invariants = invariants
        self._nested = nested
        self._extension = extension
        self._profile = profile
        self._codes = CodeChecks(definitions, terminology)
        self._checks: dict[str, Check] = {}

    def check(self, path: str) -> Check:
        """The check of a type's or backbone path's objects, compiled when the first value comes."""
        found = self._checks.get(path)
        if found is not None:
            return found
        compiled: list[Check] = []

        def late(value: Any, at: Location, run: Run) -> None:
            if not compiled:
                compiled.append(self._compile(path))
                self._checks[path] = compiled[0]
            compiled[0](value, at, run)

        self._checks[path] = late
        return late

    def type_check(self, code: str, path: str, element: Element) -> Check:
        """The check of a value of one type, at `path`."""
        if code in FORMATS:
            return primitive_check(code)
        if self._definitions.is_resource(code):
            return self._nested(path)
        return self.check(path if code in INLINE or element.content_reference else code)

    def _compile(self, path: str) -> Check:
        fields: dict[str, FieldCheck] = {}
        required: list[tuple[str, tuple[str, ...]]] = []
        choices: list[tuple[str, frozenset[str]]] = []
        for element in self._definitions.children(path).values():
            names = self._fields(path, element, fields)
            if element.min > 0:
                required.append((element.name, names))
            if element.is_choice:
                choices.append((element.name, frozenset(names)))
        root = self._definitions.element(path) if "." not in path else None
        own = (*OWN_RULES.get(path, ()), *self._codes.of(path))
        if path == "Reference":
            own = (form_check(self._definitions),)
        constraints = root.constraints if root is not None else ()
        found = [self._invariants.whole(constraint, path) for constraint in constraints]
        presence = _presence(required, choices)
        wholes = [
            *([Whole(presence, names_alone(presence))] if required or choices else []),
            *(Whole(check, never) for check in own),
            *(whole for whole in found if whole is not None),
        ]
        is_resource = self._definitions.is_resource(path)
        surely = self._surely(path) if is_resource or self._is_part(path) else {}
        return object_check(fields, wholes, surely, is_resource)

    def _is_part(self, path: str) -> bool:
        """Whether a path is that of a part of a resource, and no such part is in it again: what has a finding is
        tested once for itself and once for the resource, however deep it is."""
        return path.count(".") == 1 and not self._repeats(path)

    def _repeats(self, path: str) -> bool:
        """Whether something below a path is said to be as something elsewhere."""
        below = self._definitions.children(path).values()
        return any(element.content_reference or self._repeats(element.path) for element in below)

    def _fields(self, path: str, element: Element, fields: dict[str, FieldCheck]) -> tuple[str, ...]:
        """Adds the JSON names of an element to `fields` and returns those under which it can be present."""
        names: list[str] = []
        for entry in element.types or (TypeRef("BackboneElement"),):
            name, step = json_name(element, entry.code), step_name(element, entry.code)
            each = all_of(self.value_checks(f"{path}.{element.name}", element, entry))
            if entry.code == "Reference":
                each = with_shortcut(self._definitions, entry, each)
            primitive = entry.code in FORMATS
            repeats = element.max != 1
            field = _repeating(name, step, each, primitive) if repeats else _single(step, each)
            alone = stands_alone(entry, (constraint.expression for constraint in element.constraints))
            fields[name] = remembering_field(field) if alone else field
            names.append(name)
            if primitive:
                twin = self.check("Element")
                fields["_" + name] = _repeating_twin(name, step, twin) if repeats else _single_twin(name, step, twin)
                names.append("_" + name)
        return tuple(names)

    def value_checks(self, path: str, element: Element, entry: TypeRef) -> list[Check]:
        """What a value of one of the element's types must satisfy."""
        checks = [self.type_check(entry.code, path, element)]
        if entry.code == "Extension":
            checks.append(self._extension(path, element))
        checks += [self._profile(profile) for profile in entry.profiles]
        if entry.code == "Reference":
            checks.append(target_check(self._definitions, entry.target_profiles, path) or _nothing)
        if element.binding is not None:
            checks.append(binding_check(self._terminology, element.binding, entry.code) or _nothing)
        checks += self.invariant_checks(path, element, entry.code)
        return [check for check in checks if check is not _nothing]

    def invariant_checks(self, path: str, element: Element, code: str) -> list[Check]:
        """The element's own constraints, without those that its type has anyhow."""
        typed = self._definitions.element(code) if code not in INLINE else self._definitions.element("Element")
        inherited = {entry.key for entry in typed.constraints} if typed is not None else set()
        base = path if code in INLINE else code
        if code in FORMATS:
            inherited.add("ele-1")
        checks = [
            self._invariants.check(entry, base)
            for entry in element.constraints
            if entry.key not in inherited or (code in INLINE and entry.key == "ele-1")
        ]
        return [check for check in checks if check is not None]


def _nothing(value: Any, at: Location, run: Run) -> None:
    return None


def all_of(checks: list[Check]) -> Check:
    """One check for several."""
    if len(checks) == 1:
        return checks[0]
    if len(checks) == 2:
        first, second = checks

        def two(value: Any, at: Location, run: Run) -> None:
            first(value, at, run)
            second(value, at, run)

        return two
    several = tuple(checks)

    def each(value: Any, at: Location, run: Run) -> None:
        for check in several:
            check(value, at, run)

    return each


def primitive_check(code: str) -> Check:
    """The check of a primitive value's JSON type and format."""
    is_well_formed = FORMATS[code]
    shape = SHAPES.get(code, "string")

    def check(value: Any, at: Location, run: Run) -> None:
        if not is_well_formed(value):
            run.report("conformance.format", at, type=code, shape=shape)

    return check


def object_check(
    fields: Mapping[str, FieldCheck], wholes: Sequence[Whole], surely: Mapping[str, Sure], is_resource: bool
) -> Check:
    """The check of an object with these fields; `wholes` look at the object as a whole, and what is `surely` good
    under its name is not looked at again."""
    whole = of_shape(wholes, {"resourceType", *fields} if is_resource else fields)

    def check(value: Any, at: Location, run: Run) -> None:
        if not isinstance(value, dict):
            run.report("conformance.not-an-object", at)
            return
        for name, inner in value.items():
            test = surely.get(name)
            if test is not None and test(inner):
                continue
            field = fields.get(name)
            if field is not None:
                field(inner, value, at, run)
            elif not (is_resource and name == "resourceType"):
                run.report("conformance.unknown-element", at, element=_safe(name))
        whole(value, at, run)

    return check


def _presence(required: list[tuple[str, tuple[str, ...]]], choices: list[tuple[str, frozenset[str]]]) -> Check:
    """Required elements are there, and of each choice only one."""

    def check(value: Any, at: Location, run: Run) -> None:
        for element, names in required:
            if value.keys().isdisjoint(names):
                run.report("conformance.minimum", at, element=element, minimum=1, found=0)
        for element, keys in choices:
            if _several(value.keys() & keys):
                run.report("conformance.several-choices", at, element=element)

    return check


def _several(present: set[str]) -> bool:
    return len(present) > 1 and len({name.removeprefix("_") for name in present}) > 1


def _safe(name: Any) -> str:
    """A key as it may be shown: a long or odd one could be data."""
    text = str(name)
    return text if text.isidentifier() and len(text) <= 64 else "(a name that is not one)"


def _single(step: str, each: Check) -> FieldCheck:
    def check(value: Any, _node: dict[str, Any], at: Location, run: Run) -> None:
        if isinstance(value, list):
            run.report("conformance.not-repeating", (at, step, -1))
        elif value is None:
            run.report("conformance.null", (at, step, -1))
        else:
            each(value, (at, step, -1), run)

    return check


def _single_twin(name: str, step: str, each: Check) -> FieldCheck:
    single = _single(step, each)

    def check(value: Any, node: dict[str, Any], at: Location, run: Run) -> None:
        if node.get(name) is None or not _is_id(value):
            single(value, node, at, run)

    return check


def _repeating(name: str, step: str, each: Check, primitive: bool) -> FieldCheck:
    twin = f"_{name}"

    def check(value: Any, node: dict[str, Any], at: Location, run: Run) -> None:
        if not isinstance(value, list):
            run.report("conformance.not-an-array", (at, step, -1))
            return
        if not value:
            run.report("conformance.empty-array", (at, step, -1))
        for index, item in enumerate(value):
            if item is not None:
                each(item, (at, step, index), run)
            elif not primitive or not _stands_in(node.get(twin), index):
                run.report("conformance.null", (at, step, index))

    return check


def _repeating_twin(name: str, step: str, each: Check) -> FieldCheck:
    def check(value: Any, node: dict[str, Any], at: Location, run: Run) -> None:
        if not isinstance(value, list):
            run.report("conformance.not-an-array", (at, step, -1))
            return
        values = node.get(name)
        if not value or (isinstance(values, list) and len(values) != len(value)):
            run.report("conformance.twin-length", (at, step, -1))
        for index, item in enumerate(value):
            if item is not None:
                if not (_is_id(item) and _has_value(values, index)):
                    each(item, (at, step, index), run)
            elif values is None:
                run.report("conformance.null", (at, step, index))

    return check


def _is_id(item: Any) -> bool:
    """Whether this gives a primitive an id and nothing else: enough content beside a value, none without (ele-1)."""
    return isinstance(item, dict) and item.keys() == {"id"} and FORMATS["string"](item["id"])


def _has_value(values: Any, index: int) -> bool:
    return isinstance(values, list) and index < len(values) and values[index] is not None


def _stands_in(twin: Any, index: int) -> bool:
    """True when the `_name` array has an object where the array itself has null."""
    return isinstance(twin, list) and index < len(twin) and isinstance(twin[index], dict)
