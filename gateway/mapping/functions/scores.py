"""Weights of the answers to a questionnaire, by which it is scored.

See https://hl7.org/fhir/R4/extension-ordinalvalue.html and http://hl7.org/fhir/uv/sdc/STU3/behavior.html.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

_WEIGHT: Final = frozenset({
    "http://hl7.org/fhir/StructureDefinition/ordinalValue",
    "http://hl7.org/fhir/StructureDefinition/itemWeight",
})  # fmt: skip

Choices = dict[tuple[str, str], Decimal | int]


def weights(focus: list[Any], definitions: list[Any]) -> list[Any]:
    """The weights of answers: of items of a response, by the options of the defined items.

    Nothing unless every item that has weights is answered, and each of its answers has a weight: a score of some of
    the items would look like one of all.
    """
    weighted = {item["linkId"]: found for item in _items(definitions) if (found := _choices(item))}
    answered: set[str] = set()
    made: list[Any] = []
    for item in _items(focus):
        choices = weighted.get(item["linkId"])
        for answer in _dicts(item.get("answer")) if choices else ():
            coding = answer.get("valueCoding")
            weight = choices.get(_code(coding)) if choices and isinstance(coding, dict) else None
            if weight is None:
                return []
            answered.add(item["linkId"])
            made.append(weight)
    return made if answered == weighted.keys() else []


def _items(values: list[Any]) -> Iterator[dict[str, Any]]:
    return (value for value in _dicts(values) if isinstance(value.get("linkId"), str))


def _choices(item: dict[str, Any]) -> Choices:
    """The weights of an item's options by system and code."""
    found: Choices = {}
    for option in _dicts(item.get("answerOption")):
        coding = option.get("valueCoding")
        if isinstance(coding, dict):
            for extension in (*_dicts(option.get("extension")), *_dicts(coding.get("extension"))):
                weight = extension.get("valueDecimal")
                if extension.get("url") in _WEIGHT and weight.__class__ in (int, Decimal):
                    found[_code(coding)] = weight
    return found


def _code(coding: dict[str, Any]) -> tuple[str, str]:
    return str(coding.get("system", "")), str(coding.get("code", ""))


def _dicts(values: Any) -> Iterator[dict[str, Any]]:
    return (value for value in values if isinstance(value, dict)) if isinstance(values, list) else iter(())


SCORES: Final[dict[str, tuple[int, int, Callable[..., list[Any]]]]] = {"weights": (1, 1, weights)}
