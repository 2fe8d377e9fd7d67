"""References: the type that a reference names, or that its target has, must be one that the element allows.

See https://hl7.org/fhir/R4/references.html.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from gateway.conformance.invariants.invariant import contained_in
from gateway.conformance.run import Check, Location, Run
from gateway.conformance.values.primitive import FORMATS
from gateway.core import Resource
from gateway.definitions import Definitions, TypeRef

_LITERAL = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?\Z")
_RELATIVE = re.compile(r"([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}\Z")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_RELATIVE_FORM = re.compile(
    r"(?:\.?/)?([A-Za-z]{1,64})(?:/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?(?:#.*)?|\?.*)\Z", re.DOTALL
)
_LOCAL = re.compile(r"#[A-Za-z0-9\-.]{1,64}\Z")
_is_text = FORMATS["string"]
LONGEST = 128
"""How many characters a relative reference may have to be looked up among those seen lately."""

ANY = frozenset({"Resource", "DomainResource"})

UNKNOWN = "an unknown type"

MAX_REFERENCES = 8
"""How many references in a row are followed to see whether the targets conform to profiles."""

TOLERATED = frozenset({
    ("DeviceMetric.parent", "DeviceDefinition"),
    ("DeviceUseStatement.reasonReference", "Procedure"),
    ("MedicationRequest.dispenseRequest.performer", "Practitioner"),
    ("Observation.performer", "Encounter"),
})  # fmt: skip
"""Targets that R4 does not allow and its published examples have: a warning there, an error everywhere else."""


def target_of(value: Any, run: Run) -> Resource | None:
    """The resource that a Reference points to, when it is contained or in the Bundle; None otherwise."""
    reference = value.get("reference") if isinstance(value, dict) else None
    if not isinstance(reference, str):
        return None
    scope = run.scope
    if reference == "#":
        return scope.root
    if reference.startswith("#"):
        return contained_in(scope.root, reference[1:])
    return scope.bundle.resolve(reference, scope.full_url) if scope.bundle is not None else None


def target_check(definitions: Definitions, profiles: Iterable[str], path: str) -> Check | None:
    """The check that a Reference points to one of the types of `profiles`; None when any will do.

    `path` is the element's path in its base type.
    """
    allowed = frozenset(_types(definitions, profiles))
    if not allowed or allowed & ANY:
        return None
    types = definitions.types()
    names = ", ".join(sorted(allowed))

    def check(value: Any, at: Location, run: Run) -> None:
        if not isinstance(value, dict):
            return
        for named in dict.fromkeys((_target_type(value, run, types), _stated_type(value, types))):
            if named is None or named in allowed:
                continue
            tolerated = (path, named) in TOLERATED
            rule = "conformance.reference-target-tolerated" if tolerated else "conformance.reference-target"
            run.report(rule, at, type=named, allowed=names)

    return check


def target_profile_check(
    definitions: Definitions, profiles: Iterable[str], profile_check: Callable[[str], Check]
) -> Check | None:
    """The check that what a Reference points to, where it can be seen, conforms to one of `profiles`.

    None when they ask for types only. A circle of references is taken to conform where it closes.
    """
    structures = [(url, definitions.structure(url)) for url in profiles]
    if all(found is None or found.derivation != "constraint" for _, found in structures):
        return None
    types = {found.type for _, found in structures if found is not None and found.derivation != "constraint"}
    checks = [(url, found.type if found is not None else None, profile_check(url)) for url, found in structures]

    def conforms(url: str, check: Check, target: Resource, at: Location, run: Run) -> bool:
        key = (id(target), url)
        if key not in run.conforming:
            run.conforming[key] = True
            attempt = run.trial_of(target)
            check(target, at, attempt)
            run.conforming[key] = not attempt.has_errors
        return run.conforming[key]

    def check(value: Any, at: Location, run: Run) -> None:
        target = target_of(value, run)
        name = target.get("resourceType") if target is not None else None
        if target is None or name in types or run.depth >= MAX_REFERENCES:
            return
        asked = [(url, inner) for url, kind, inner in checks if kind == name]
        # A target of the wrong type is told by its type; what an unknown profile asks for nobody can tell.
        known = asked and all(kind is not None for _, kind, _ in checks)
        if known and not any(conforms(url, inner, target, at, run) for url, inner in asked):
            run.report("conformance.reference-profile", at)

    return check


def with_shortcut(definitions: Definitions, entry: TypeRef, check: Check) -> Check:
    """The same check of a Reference, at once for `{"reference": "Patient/1"}` with a type that the element allows."""
    allowed = frozenset(_types(definitions, entry.target_profiles))
    types = definitions.types() if not allowed or allowed & ANY else allowed & definitions.types()
    if entry.aggregation or entry.profiles:
        return check
    is_plain = relative_test(definitions, entry)

    def quicker(value: Any, at: Location, run: Run) -> None:
        if not is_plain(value) and not _is_contained(value, types, run):
            check(value, at, run)

    return quicker


def _is_contained(value: Any, types: frozenset[str], run: Run) -> bool:
    """Whether a value is a Reference such as `{"reference": "#one"}` to a contained resource of one of the types."""
    reference = value.get("reference") if value.__class__ is dict else None
    if reference.__class__ is not str or not _LOCAL.match(reference) or not _says_no_more(value):
        return False
    target = contained_in(run.scope.root, reference[1:])
    kind = target.get("resourceType") if target is not None else None
    return kind.__class__ is str and kind in types


def _says_no_more(value: dict[str, Any]) -> bool:
    """Whether a Reference with `reference` has, beside it, a display at most."""
    return len(value) == 1 or (len(value) == 2 and _is_text(value.get("display")))


def relative_test(definitions: Definitions, entry: TypeRef) -> Callable[[Any], bool]:
    """Whether a value is a Reference such as `{"reference": "Patient/1", "display": "One"}` of a type that the
    element allows, or a display alone; of an element without aggregation modes and profiles."""
    allowed = frozenset(_types(definitions, entry.target_profiles))
    types = definitions.types() if not allowed or allowed & ANY else allowed & definitions.types()

    def test(value: Any) -> bool:
        if value.__class__ is not dict:
            return False
        reference = value.get("reference")
        if reference is None:
            return len(value) == 1 and _is_text(value.get("display"))
        if reference.__class__ is not str or len(reference) > LONGEST or _relative_type(reference) not in types:
            return False
        return len(value) == 1 or _says_no_more(value)

    return test


@lru_cache(maxsize=4096)
def _relative_type(reference: str) -> str | None:
    """The type that a relative reference names; the resources of a record refer to one participant and few visits."""
    found = _RELATIVE.match(reference)
    return found[1] if found is not None else None


def check_contained(resource: Resource, at: Location, run: Run) -> None:
    """Reports contained resources that share an id: a reference to it could mean either."""
    contained = resource.get("contained")
    seen: set[str] = set()
    for number, part in enumerate(contained if isinstance(contained, list) else ()):
        identifier = part.get("id") if isinstance(part, dict) else None
        if isinstance(identifier, str):
            if identifier in seen:
                run.report("conformance.contained-id", (at, "contained", number))
            seen.add(identifier)


def form_check(definitions: Definitions) -> Check:
    """The check that a relative reference names a type and an id, or a search, and that `type` says the same type."""
    types = definitions.types()

    def check(value: Any, at: Location, run: Run) -> None:
        reference = value.get("reference") if isinstance(value, dict) else None
        if not isinstance(reference, str) or not reference:
            return
        if not reference.startswith("#") and not _ABSOLUTE.match(reference):
            found = _RELATIVE_FORM.match(reference)
            if found is None or found.group(1) not in types:
                run.report("conformance.reference-format", at)
                return
        named, stated = _target_type(value, run, types), _stated_type(value, types)
        if stated is not None and (stated == UNKNOWN or named not in (None, stated)):
            run.report("conformance.reference-type", at)

    return check


def _types(definitions: Definitions, profiles: Iterable[str]) -> Iterable[str]:
    for profile in profiles:
        structure = definitions.structure(profile)
        # The targets of an unknown profile are unknown too: nothing can be said against any type.
        yield structure.type if structure is not None else "Resource"


def _target_type(value: dict[str, Any], run: Run, types: frozenset[str]) -> str | None:
    reference = value.get("reference")
    if isinstance(reference, str):
        found = _LITERAL.search(reference)
        if found is not None and found.group(1) in types:
            return found.group(1)
        target = target_of(value, run)
        named = target.get("resourceType") if target is not None else None
        if isinstance(named, str) and named in types:
            return named
    return None


def _stated_type(value: dict[str, Any], types: frozenset[str]) -> str | None:
    """What `Reference.type` says; a type of a logical model (a URL) says nothing here."""
    stated = value.get("type")
    if not isinstance(stated, str) or ":" in stated:
        return None
    return stated if stated in types else UNKNOWN


def aggregation_check(modes: Iterable[str]) -> Check | None:
    """The check that a reference stays within the resource or Bundle; None when it may lead anywhere.

    See https://hl7.org/fhir/R4/valueset-resource-aggregation-mode.html.
    """
    allowed = frozenset(modes)
    if not allowed or "referenced" in allowed:
        return None

    def check(value: Any, at: Location, run: Run) -> None:
        reference = value.get("reference") if isinstance(value, dict) else None
        if not isinstance(reference, str):
            return
        mode = "contained" if reference.startswith("#") else "bundled"
        if mode not in allowed or target_of(value, run) is None:
            run.report("conformance.reference-aggregation", at, allowed=" or ".join(sorted(allowed)))

    return check
