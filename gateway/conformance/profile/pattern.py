"""Fixed values and patterns.

See https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.pattern_x_.
"""

from decimal import Decimal
from typing import Any


def equals_fixed(value: Any, fixed: Any) -> bool:
    """True when the value is exactly the fixed one; 1.0 and 1.00 differ, since their precision does."""
    if isinstance(fixed, dict):
        return (
            isinstance(value, dict)
            and value.keys() == fixed.keys()
            and all(equals_fixed(value[name], inner) for name, inner in fixed.items())
        )
    if isinstance(fixed, list):
        return (
            isinstance(value, list)
            and len(value) == len(fixed)
            and all(equals_fixed(inner, wanted) for inner, wanted in zip(value, fixed, strict=True))
        )
    if isinstance(fixed, Decimal) and isinstance(value, Decimal):
        return value == fixed and value.as_tuple().exponent == fixed.as_tuple().exponent
    return isinstance(fixed, bool) == isinstance(value, bool) and bool(value == fixed)


def matches_pattern(value: Any, pattern: Any) -> bool:
    """True when the value has all that the pattern has; it may have more. Of arrays each item must be found."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            name in value and matches_pattern(value[name], inner) for name, inner in pattern.items()
        )
    if isinstance(pattern, list):
        return isinstance(value, list) and all(
            any(matches_pattern(inner, wanted) for inner in value) for wanted in pattern
        )
    return isinstance(pattern, bool) == isinstance(value, bool) and bool(value == pattern)
