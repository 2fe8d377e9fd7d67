"""Invariants: FHIRPath compiled once; the few that hold for every element as plain Python of the same meaning.

An invariant that cannot be compiled, or whose evaluation fails, is a finding of its own: never silence.
See https://hl7.org/fhir/R4/conformance-rules.html#constraints.
"""

import re
from collections.abc import Callable
from typing import Any

from gateway.conformance.bundle_index import BundleIndex
from gateway.conformance.invariants.native import COMPLETE, NATIVE, Native
from gateway.conformance.invariants.shapes import Sure, Whole, never, passes, without_mentioned
from gateway.conformance.run import Check, Location, Run
from gateway.core import Resource
from gateway.definitions import Constraint
from gateway.fhirpath import Env, Expression, FhirPathError, compile
from gateway.fhirpath.errata import corrected
from gateway.terminology import Terminology

BEST_PRACTICE = frozenset({"dom-6"})
"""Constraints that the specification itself marks as best practice: not findings about the data."""

OF_CONTAINED = frozenset({"dom-2", "dom-3", "dom-4", "dom-5"})
"""Constraints of a resource on those that it contains."""

_ASKING = re.compile(
    r"[%@]|\b(?!ofType\(|hasValue\(|toString\(|startsWith\(|endsWith\()[a-z]+[A-Z]\w*\("
    r"|\b(?:resolve|now|today|slice|trace|subsumes|repeat|descendants|children|lookup|expand|translate)\b"
)
"""What an expression may ask its environment by; most functions with names of several words do, so all count."""


class Invariants:
    """Compiles the constraints of elements into checks.

    Those whose keys are in `left_out` are passed over; `conforms` answers `conformsTo()`, `in_slice` `slice()`.
    `uncompiled` maps the keys of constraints that could not be compiled to the reason.
    """

    def __init__(self, terminology: Terminology, left_out: frozenset[str] = BEST_PRACTICE) -> None:
        self._terminology = terminology
        self._left_out = left_out
        self.conforms: Callable[[Any, str, Run], bool | None] | None = None
        self.in_slice: Callable[[Any, str, str, Run], bool | None] | None = None
        self.uncompiled: dict[str, str] = {}
        self.compiled = 0

    def check(self, constraint: Constraint, base: str | None) -> Check | None:
        """The check of one constraint on values of type or path `base`; None when there is nothing to evaluate."""
        whole = self.whole(constraint, base)
        return whole.check if whole is not None else None

    def whole(self, constraint: Constraint, base: str | None) -> Whole | None:
        """The same, with what the names in an object settle."""
        text = constraint.expression
        if text is None or constraint.key in self._left_out:
            return None
        self.compiled += 1
        native = NATIVE.get(text)
        if native is not None and native in COMPLETE:
            return Whole(_plain(constraint, native), without_mentioned(text, None))
        # The type of a choice may lack what the expression names; then it is evaluated by what is there.
        meaning = corrected(text, base)
        expression = self._compile(constraint, meaning, base) or self._compile(constraint, meaning, None)
        if expression is None:
            return Whole(_uncompiled(constraint), never)
        self.uncompiled.pop(constraint.key, None)
        check = self._evaluate(constraint, native, expression)
        return Whole(check, without_mentioned(meaning, expression), holds=_holding(native, check))

    def _compile(self, constraint: Constraint, text: str, base: str | None) -> Expression | None:
        """The expression for values of type `base`, or for any values where that is None."""
        try:
            return compile(text, base=base)
        except FhirPathError as error:
            self.uncompiled[constraint.key] = str(error)
            return None

    def _evaluate(self, constraint: Constraint, native: Native | None, expression: Expression | None) -> Check:
        key, human = constraint.key, constraint.human
        rule = _rule(constraint)
        plain = expression is not None and not _ASKING.search(expression.text)

        def check(value: Any, at: Location, run: Run) -> None:
            verdict = native(value) if native is not None else None
            if verdict is None and expression is not None:
                try:
                    result = expression.evaluate(value, None if plain else self.env(run))
                except (FhirPathError, RecursionError):
                    run.report("conformance.invariant-not-evaluated", at, key=key)
                    return
                # No answer is not a yes: so the specification's own validator reads it.
                verdict = bool(result) and result[0] is not False
            if verdict is False:
                run.report(rule, at, key=key, human=human)

        return check

    def env(self, run: Run) -> Env:
        """What an expression may ask in the scope of a run; made once for each scope."""
        scope, judge, slices = run.scope, self.conforms, self.in_slice
        if scope.env is None:
            scope.env = Env(
                resource=scope.resource,
                root=scope.root,
                resolve=resolver(scope.root, scope.bundle, scope.full_url),
                terminology=self._terminology,
                conforms=None if judge is None else lambda item, url: judge(item, url, run),
                in_slice=None if slices is None else lambda item, url, name: slices(item, url, name, run),
            )
        env: Env = scope.env
        return env


def _holding(native: Native | None, check: Check) -> Sure:
    """Whether a value satisfies an invariant that looks at nothing around it."""

    def holds(value: Any) -> bool:
        told = native(value) if native is not None else None
        return passes(check, value) if told is None else told

    return holds


def _rule(constraint: Constraint) -> str:
    return "conformance.invariant" if constraint.severity == "error" else "conformance.invariant-warning"


def _plain(constraint: Constraint, native: Native) -> Check:
    rule, key, human = _rule(constraint), constraint.key, constraint.human

    def check(value: Any, at: Location, run: Run) -> None:
        if native(value) is False:
            run.report(rule, at, key=key, human=human)

    return check


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
