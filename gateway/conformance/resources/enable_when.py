"""Whether a question of a Questionnaire is asked, given the answers to others.

See https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen.
"""

import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

Answers = Mapping[str, list[dict[str, Any]]]

ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


def is_enabled(question: Mapping[str, Any], answers: Answers) -> bool:
    """True when the question has no conditions, or when all (or any, as it says) of them hold."""
    conditions = question.get("enableWhen")
    if not isinstance(conditions, list) or not conditions:
        return True
    held = [_holds(condition, answers) for condition in conditions if isinstance(condition, dict)]
    return any(held) if question.get("enableBehavior") == "any" else all(held)


def _holds(condition: Mapping[str, Any], answers: Answers) -> bool:
    link = condition.get("question")
    given = answers.get(link, []) if isinstance(link, str) else []
    name = next((name for name in condition if name.startswith("answer")), "")
    wanted = condition.get(name)
    comparison = condition.get("operator")
    if comparison == "exists":
        return bool(given) == (wanted is True)
    values = [answer.get("value" + name.removeprefix("answer")) for answer in given]
    if comparison == "!=":
        return all(not _equal(value, wanted) for value in values)
    if comparison == "=":
        return any(_equal(value, wanted) for value in values)
    compare = ORDER.get(comparison) if isinstance(comparison, str) else None
    return compare is not None and any(_ordered(value, wanted, compare) for value in values)


def _equal(value: Any, wanted: Any) -> bool:
    if isinstance(value, dict) and isinstance(wanted, dict):
        return all(value.get(part) == wanted.get(part) for part in ("system", "code", "value"))
    return bool(value == wanted)


def _ordered(value: Any, wanted: Any, compare: Callable[[Any, Any], bool]) -> bool:
    if isinstance(value, dict) and isinstance(wanted, dict):
        value, wanted = value.get("value"), wanted.get("value")
    numbers = isinstance(value, int | float | Decimal) and isinstance(wanted, int | float | Decimal)
    texts = isinstance(value, str) and isinstance(wanted, str)
    return compare(value, wanted) if numbers or texts else False
