"""Invariants: FHIRPath compiled once; the few that hold for every element as plain Python of the same meaning.

An invariant that cannot be compiled, or whose evaluation fails, is a finding of its own: never silence.
See https://hl7.org/fhir/R4/conformance-rules.html#constraints.
"""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.conformance.bundle_index import BundleIndex
from gateway.conformance.run import Check, Location, Run
from gateway.core import Resource
from gateway.definitions import Constraint
from gateway.fhirpath import Env, Expression, FhirPathError, compile
from gateway.terminology import Terminology

BEST_PRACTICE = frozenset({"dom-6"})
"""Constraints that the specification itself marks as best practice: not findings about the data."""

Native = Callable[[Any], bool | None]
"""Whether the value satisfies an invariant; None when plain Python cannot tell and FHIRPath must be asked."""


def _has_content(value: Any) -> bool | None:
    if isinstance(value, dict):
        return any(name != "id" for name in value)
    return True


def _extension_or_value(value: Any) -> bool | None:
    if not isinstance(value, dict):
        return None
    return bool(value.get("extension")) != any(name.startswith(("value", "_value")) for name in value)


def _nothing_contained(value: Any) -> bool | None:
    return True if isinstance(value, dict) and "contained" not in value else None


def _no_local_reference(value: Any) -> bool | None:
    if isinstance(value, dict) and isinstance(value.get("reference"), str):
        return None if value["reference"].startswith("#") else True
    return True


NATIVE: Mapping[str, Native] = {
    "hasValue() or (children().count() > id.count())": _has_content,
    "hasValue() or (children().count() > id.count()) or $this is Parameters": _has_content,
    "extension.exists() != value.exists()": _extension_or_value,
    "contained.contained.empty()": _nothing_contained,
    "contained.where((('#'+id in (%resource.descendants().reference | %resource.descendants().as(canonical) | "
    "%resource.descendants().as(uri) | %resource.descendants().as(url))) or descendants().where(reference = '#')"
    ".exists() or descendants().where(as(canonical) = '#').exists() or descendants().where(as(canonical) = '#')"
    ".exists()).not()).trace('unmatched', id).empty()": _nothing_contained,
    "contained.meta.versionId.empty() and contained.meta.lastUpdated.empty()": _nothing_contained,
    "contained.meta.security.empty()": _nothing_contained,
    "reference.startsWith('#').not() or (reference.substring(1).trace('url') in "
    "%rootResource.contained.id.trace('ids'))": _no_local_reference,
}
"""Expression -> the same in Python, for the invariants that nearly every element has."""


class Invariants:
    """Compiles the constraints of elements into checks.

    `uncompiled` maps the keys of constraints that could not be compiled to the reason.
    """

    def __init__(self, terminology: Terminology) -> None:
        self._terminology = terminology
        self.uncompiled: dict[str, str] = {}
        self.compiled = 0

    def check(self, constraint: Constraint, base: str | None) -> Check | None:
        """The check of one constraint on values of type or path `base`; None when there is nothing to evaluate."""
        text = constraint.expression
        if text is None or constraint.key in BEST_PRACTICE:
            return None
        self.compiled += 1
        rule = "conformance.invariant" if constraint.severity == "error" else "conformance.invariant-warning"
        native = NATIVE.get(text)
        expression = None
        if native is not _has_content:
            expression = self._compile(constraint, text, base)
            if expression is None:
                return _uncompiled(constraint)
        return self._evaluate(constraint, rule, native, expression)

    def _compile(self, constraint: Constraint, text: str, base: str | None) -> Expression | None:
        for start in (base, None):
            try:
                return compile(text, base=start)
            except FhirPathError as error:
                self.uncompiled[constraint.key] = str(error)
        return None

    def _evaluate(
        self, constraint: Constraint, rule: str, native: Native | None, expression: Expression | None
    ) -> Check:
        key, human = constraint.key, constraint.human

        def check(value: Any, at: Location, run: Run) -> None:
            verdict = native(value) if native is not None else None
            if verdict is None and expression is not None:
                try:
                    result = expression.evaluate(value, self._env(run))
                except (FhirPathError, RecursionError):
                    run.report("conformance.invariant-not-evaluated", at, key=key)
                    return
                verdict = not result or result[0] is True
            if verdict is False:
                run.report(rule, at, key=key, human=human)

        return check

    def _env(self, run: Run) -> Env:
        scope = run.scope
        if scope.env is None:
            scope.env = Env(
                resource=scope.resource,
                root=scope.root,
                resolve=resolver(scope.root, scope.bundle, scope.full_url),
                terminology=self._terminology,
            )
        env: Env = scope.env
        return env


def _uncompiled(constraint: Constraint) -> Check:
    def check(value: Any, at: Location, run: Run) -> None:
        run.report("conformance.invariant-not-compiled", at, key=constraint.key)

    return check


def resolver(root: Resource, bundle: BundleIndex | None, full_url: str) -> Callable[[str], Resource | None]:
    """Resolves a reference among the contained resources of `root` and the entries of its Bundle."""

    def resolve(reference: str) -> Resource | None:
        if reference == "#":
            return root
        if reference.startswith("#"):
            return contained_in(root, reference[1:])
        return bundle.resolve(reference, full_url) if bundle is not None else None

    return resolve


def contained_in(root: Resource, identifier: str) -> Resource | None:
    """The contained resource with an id; None when there is none."""
    contained = root.get("contained")
    for resource in contained if isinstance(contained, list) else ():
        if isinstance(resource, dict) and resource.get("id") == identifier:
            return resource
    return None
