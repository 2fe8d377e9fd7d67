"""A small code system and the value sets over it, for the tests of the operations."""

from collections.abc import Iterator
from typing import Any

from gateway.core.types import Resource
from gateway.terminology.catalog import Catalog

ANIMALS = "http://example.org/CodeSystem/animals"

CODE_SYSTEM: Resource = {
    "resourceType": "CodeSystem",
    "url": ANIMALS,
    "version": "2",
    "name": "Animals",
    "language": "en",
    "caseSensitive": True,
    "content": "complete",
    "property": [{"code": "legs", "type": "integer", "uri": "http://example.org/legs"}],
    "concept": [
        {
            "code": "animal",
            "display": "Animal",
            "property": [{"code": "notSelectable", "valueBoolean": True}],
            "concept": [
                {
                    "code": "dog",
                    "display": "Dog",
                    "definition": "A wolf at home",
                    "designation": [{"language": "de", "value": "Hund"}, {"language": "fr-CA", "value": "Chien"}],
                    "property": [{"code": "legs", "valueInteger": 4}],
                    "concept": [{"code": "poodle", "display": "Poodle"}],
                },
                {"code": "dodo", "display": "Dodo", "property": [{"code": "status", "valueCode": "retired"}]},
            ],
        },
        {"code": "plant", "display": "Plant"},
    ],
}


class Nothing:
    """Terminology without any resource."""

    def value_set(self, _url: str) -> Resource | None:
        """None."""
        return None

    def code_system(self, _url: str) -> Resource | None:
        """None."""
        return None

    def concept_map(self, _url: str) -> Resource | None:
        """None."""
        return None

    def all(self, _kind: str) -> Iterator[Resource]:
        """Nothing."""
        return iter(())


def catalog(*resources: Resource) -> Catalog:
    """The code system of animals, and `resources`."""
    return Catalog(Nothing(), (CODE_SYSTEM, *resources))


def value_set(name: str = "a", **compose: Any) -> Resource:
    """A ValueSet of this definition."""
    return {"resourceType": "ValueSet", "url": f"http://example.org/ValueSet/{name}", "compose": compose}


def whole() -> dict[str, Any]:
    """An include of every animal."""
    return {"system": ANIMALS}


def listed(*codes: str) -> dict[str, Any]:
    """An include or exclude of these codes."""
    return {"system": ANIMALS, "concept": [{"code": code} for code in codes]}


def picked(name: str, op: str, value: str) -> dict[str, Any]:
    """An include or exclude by one filter."""
    return {"system": ANIMALS, "filter": [{"property": name, "op": op, "value": value}]}


def imported(*names: str) -> dict[str, Any]:
    """An include or exclude of other value sets."""
    return {"valueSet": [f"http://example.org/ValueSet/{name}" for name in names]}
