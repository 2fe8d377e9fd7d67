"""What a study lets in: the types it takes and the profiles they must conform to."""

from collections.abc import Mapping
from typing import Protocol

from gateway.core.issues import Issue, issue
from gateway.core.types import Resource
from gateway.fhirpath import Expression, compile
from gateway.study import Study


class Validates(Protocol):
    """The validator's port: `gateway.conformance.Validator`."""

    def validate(self, resource: Resource, profiles: tuple[str, ...] = ()) -> list[Issue]:
        """The issues of a resource against its own and the given profiles."""


class Admission:
    """A study's rules for what is stored, with its FHIRPath expressions compiled once."""

    def __init__(self, study: Study, validator: Validates) -> None:
        self._validator = validator
        self._rules: Mapping[str, tuple[tuple[Expression | None, str], ...]] = {
            kind: tuple((compile(rule.where, base=kind) if rule.where else None, rule.url) for rule in rules)
            for kind, rules in study.profiles.items()
        }

    def check(self, resource: Resource) -> list[Issue]:
        """Everything that is wrong with a resource in this study."""
        kind = resource["resourceType"]
        rules = self._rules.get(kind)
        if rules is None:
            return [issue("ingest.type-not-taken", expression=kind, type=kind)]
        profiles = tuple(url for where, url in rules if where is None or where.evaluate(resource) == [True])
        return self._validator.validate(resource, profiles)
