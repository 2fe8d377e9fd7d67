"""Elements of structures as values, read from ElementDefinition JSON.

See https://hl7.org/fhir/R4/elementdefinition.html.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

PREFIX = "http://hl7.org/fhir/StructureDefinition/"
SYSTEM_TYPE = "http://hl7.org/fhirpath/System."
FHIR_TYPE = PREFIX + "structuredefinition-fhir-type"
REGEX = PREFIX + "regex"
MAX_VALUE_SET = PREFIX + "elementdefinition-maxValueSet"

MALFORMED_ELEMENT = (KeyError, TypeError, ValueError, AttributeError)
"""What reading an element raises that is not shaped as an ElementDefinition."""

_VALUED = ("fixed", "pattern", "minValue", "maxValue")

ADDITIONAL_BINDINGS = frozenset({
    "http://hl7.org/fhir/5.0/StructureDefinition/extension-ElementDefinition.binding.additional",
    "http://hl7.org/fhir/tools/StructureDefinition/additional-binding",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class TypeRef:
    """One type that an element may have: `code` is a type name, profiles are canonical URLs.

    `code` of a primitive's own `value` and of ids is the FHIR type (`string`), not the FHIRPath system type.
    """

    code: str
    profiles: tuple[str, ...] = ()
    target_profiles: tuple[str, ...] = ()
    aggregation: tuple[str, ...] = ()
    regex: str | None = None


@dataclass(frozen=True, slots=True)
class Binding:
    """A binding to a ValueSet: `strength` is required, extensible, preferred or example.

    `additional` holds the (purpose, ValueSet) pairs of additional bindings, which R4 takes over from R5.
    """

    strength: str
    value_set: str | None
    max_value_set: str | None = None
    additional: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Constraint:
    """An invariant; `expression` is FHIRPath, None where the specification gives none."""

    key: str
    severity: str
    human: str
    expression: str | None


@dataclass(frozen=True, slots=True)
class Slicing:
    """How an element is sliced: discriminators are (type, path) pairs; `rules` is open, closed or openAtEnd."""

    discriminators: tuple[tuple[str, str], ...]
    rules: str
    ordered: bool


@dataclass(frozen=True, slots=True)
class Element:
    """One ElementDefinition.

    `max` is None for `*`. `types` is empty for the root and where `content_reference` says where to look.
    `fixed` and `pattern` are None when not given; `minimum`, `maximum` are (suffix, value) of
    minValue[x], maxValue[x]. In a differential, `min` and `max` that are not given are -1.
    """

    path: str
    id: str
    min: int
    max: int | None
    types: tuple[TypeRef, ...] = ()
    slice_name: str | None = None
    content_reference: str | None = None
    fixed: Any = None
    pattern: Any = None
    binding: Binding | None = None
    constraints: tuple[Constraint, ...] = ()
    slicing: Slicing | None = None
    minimum: tuple[str, Any] | None = None
    maximum: tuple[str, Any] | None = None
    max_length: int | None = None
    is_modifier: bool = False
    is_summary: bool = False
    must_support: bool = False

    @property
    def name(self) -> str:
        """The last step of the path, `value[x]` for a choice."""
        return self.path.rpartition(".")[2]

    @property
    def is_choice(self) -> bool:
        """True for an element of several types whose JSON name carries the type."""
        return self.path.endswith("[x]")

    @property
    def written_names(self) -> tuple[str, ...]:
        """The names in JSON: `valueQuantity` and the others of a choice."""
        if not self.is_choice:
            return (self.name,)
        return tuple([self.name[:-3] + entry.code[:1].upper() + entry.code[1:] for entry in self.types])


def read_element(node: Mapping[str, Any]) -> Element:
    """The element of an ElementDefinition."""
    maximum = node.get("max")
    valued = _values(node)
    return Element(
        path=node["path"],
        id=node.get("id", node["path"]),
        min=node.get("min", -1),
        max=None if maximum == "*" else int(maximum) if maximum is not None else -1,
        types=tuple([_type_ref(entry) for entry in node.get("type", ())]),
        slice_name=node.get("sliceName"),
        content_reference=node.get("contentReference"),
        fixed=valued["fixed"][1] if "fixed" in valued else None,
        pattern=valued["pattern"][1] if "pattern" in valued else None,
        binding=_binding(node["binding"]) if "binding" in node else None,
        constraints=tuple([_constraint(entry) for entry in node.get("constraint", ())]),
        slicing=_slicing(node["slicing"]) if "slicing" in node else None,
        minimum=valued.get("minValue"),
        maximum=valued.get("maxValue"),
        max_length=node.get("maxLength"),
        is_modifier=node.get("isModifier", False),
        is_summary=node.get("isSummary", False),
        must_support=node.get("mustSupport", False),
    )


@lru_cache(maxsize=512)
def _plain_ref(code: str) -> TypeRef:
    return TypeRef(code)


def _type_ref(node: Mapping[str, Any]) -> TypeRef:
    if len(node) == 1 and "code" in node and not node["code"].startswith(SYSTEM_TYPE):
        return _plain_ref(node["code"])
    extensions = {entry["url"]: entry for entry in node.get("extension", ())}
    code = node.get("code", "")
    if code.startswith(SYSTEM_TYPE):
        stated = extensions.get(FHIR_TYPE, {})
        code = stated.get("valueUrl") or stated.get("valueUri") or code.removeprefix(SYSTEM_TYPE).lower()
    return TypeRef(
        code=code,
        profiles=tuple(node.get("profile", ())),
        target_profiles=tuple(node.get("targetProfile", ())),
        aggregation=tuple(node.get("aggregation", ())),
        regex=extensions.get(REGEX, {}).get("valueString"),
    )


def _binding(node: Mapping[str, Any]) -> Binding:
    extensions = {entry["url"]: entry for entry in node.get("extension", ())}
    nested = [entry["extension"] for entry in node.get("extension", ()) if entry["url"] in ADDITIONAL_BINDINGS]
    additional = []
    for parts in nested:
        said = {part["url"]: part.get("valueCode") or part.get("valueCanonical") for part in parts}
        if said.get("purpose") and said.get("valueSet"):
            additional.append((said["purpose"], said["valueSet"]))
    maximum = extensions.get(MAX_VALUE_SET, {}).get("valueCanonical")
    return Binding(node.get("strength", "example"), node.get("valueSet"), maximum, tuple(additional))


def _constraint(node: Mapping[str, Any]) -> Constraint:
    return _one_constraint(node["key"], node.get("severity", "error"), node.get("human", ""), node.get("expression"))


_one_constraint = lru_cache(maxsize=2048)(Constraint)


def _slicing(node: Mapping[str, Any]) -> Slicing:
    return Slicing(
        tuple((entry["type"], entry["path"]) for entry in node.get("discriminator", ())),
        node.get("rules", "open"),
        node.get("ordered", False),
    )


def _values(node: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    """Prefix -> type suffix and value of fixed[x], pattern[x], minValue[x] and maxValue[x]."""
    found: dict[str, tuple[str, Any]] = {}
    for key in node:
        if key.startswith(_VALUED):
            prefix = next(prefix for prefix in _VALUED if key.startswith(prefix))
            if key != prefix:
                found[prefix] = (key.removeprefix(prefix), node[key])
    return found
