"""What a study lets in: the types it takes, the profiles they must conform to, its own rules, and what it waives."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol

from gateway.core.clock import Clock, system_clock
from gateway.core.issues import Issue, any_blocks, issue
from gateway.core.types import Resource
from gateway.fhirpath import Expression, compile
from gateway.ingest.business import BusinessRules
from gateway.ingest.facts import StoredFacts
from gateway.study import Study
from gateway.study.parts import Suppression

BREAKS: Final = frozenset({
    "study.rule-broken",
    *(
        f"conformance.{name}"
        for name in (
            "above-maximum", "below-minimum", "binding-required", "code-missing", "extension-context",
            "extension-not-allowed", "fixed", "invariant", "maximum", "minimum", "no-profile-matches", "pattern",
            "profile-type", "profile-unknown", "reference-target", "slice-ambiguous", "slice-closed", "slice-order",
            "too-long", "type",
        )
    ),
})  # fmt: skip
"""Errors that the policy `warn` makes warnings: what is left is not well-formed R4, and is kept out anyhow."""

_INDEX: Final = re.compile(r"\[[0-9]+\]")


class Validates(Protocol):
    """The validator's port: `gateway.conformance.Validator`."""

    def validate(
        self, resource: Resource, profiles: Sequence[str] = (), *, now: datetime | None = None
    ) -> list[Issue]:
        """The issues of a resource against its own and the given profiles."""


class Admission:
    """A study's rules for what is stored, with its FHIRPath expressions compiled once."""

    def __init__(self, study: Study, validator: Validates, clock: Clock = system_clock) -> None:
        self._validator = validator
        self._clock = clock
        self._business = BusinessRules(study)
        self._suppressions = study.validation.suppressions
        self._warns = study.validation.policy == "warn"
        self._rules: Mapping[str, tuple[tuple[Expression | None, str], ...]] = {
            kind: tuple((compile(rule.where, base=kind) if rule.where else None, rule.url) for rule in rules)
            for kind, rules in study.profiles.items()
        }

    def check(
        self,
        resource: Resource,
        around: Sequence[Resource] = (),
        *,
        profiles: tuple[str, ...] = (),
        stored: StoredFacts | None = None,
    ) -> list[Issue]:
        """Everything that is wrong with a resource in this study; `around` are the resources that it comes with,
        `stored` reads what the store knows, for the study's rules.

        `profiles` are asked for besides the study's own. A type that the study does not take is an issue.
        """
        kind = resource["resourceType"]
        rules = self._rules.get(kind)
        if rules is None:
            return [issue("ingest.type-not-taken", expression=kind, type=kind)]
        wanted = tuple(url for where, url in rules if where is None or where.evaluate(resource) == [True])
        return self.judge(resource, around, profiles=(*wanted, *profiles), stored=stored)

    def judge(
        self,
        resource: Resource,
        around: Sequence[Resource] = (),
        *,
        profiles: tuple[str, ...] = (),
        stored: StoredFacts | None = None,
    ) -> list[Issue]:
        """The same for a resource of any type, against the profiles given and none of the study's."""
        now = self._clock()
        found = self._validator.validate(resource, profiles, now=now)
        if not any(entry.rule in _NOT_A_TREE for entry in found):
            found.extend(self._business.check(resource, around, now, stored))
        if not found:
            return found
        kept = list(self._without_suppressed(found))
        return [_warning(entry) for entry in kept] if self._warns and any_blocks(kept) else kept

    def _without_suppressed(self, issues: list[Issue]) -> Iterator[Issue]:
        """Each suppressed finding is told as such, once for a suppression and an element."""
        told: set[Issue] = set()
        for entry in issues:
            waived = next((one for one in self._suppressions if _covers(one, entry)), None)
            if waived is None:
                yield entry
                continue
            said = issue("study.suppressed", expression=entry.expression, name=entry.rule, reason=waived.reason)
            if said not in told:
                told.add(said)
                yield said


_NOT_A_TREE: Final = frozenset({"conformance.not-a-resource", "conformance.unknown-type", "conformance.too-deep"})


def _covers(suppression: Suppression, entry: Issue) -> bool:
    if suppression.rule != entry.rule:
        return False
    if not suppression.element:
        return not _may_act(entry)
    place = _INDEX.sub("", entry.expression)
    return f"{place}.".startswith(f"{suppression.element}.")


def _warning(entry: Issue) -> Issue:
    is_break = entry.blocks and entry.rule in BREAKS and not _may_act(entry)
    return replace(entry, severity="warning") if is_break else entry


def _may_act(entry: Issue) -> bool:
    """Whether a narrative holds more than formatted text, and so perhaps a script that runs where it is shown: only a
    suppression that names the element lets it in."""
    return entry.rule == "conformance.invariant" and entry.message.startswith("txt-1:")
