"""Quantities in UCUM's base units, so that `5 mg` finds `0.005 g`.

See https://hl7.org/fhir/R4/datatypes.html#quantity and https://ucum.org/ucum.
"""

from collections.abc import Callable
from decimal import Decimal, DecimalException
from functools import lru_cache
from typing import Final

from gateway.terminology import ucum

UCUM: Final = "http://unitsofmeasure.org"

Converter = Callable[[Decimal], Decimal]


@lru_cache(maxsize=4096)
def base_unit(unit: str) -> tuple[str, Converter] | None:
    """The base unit (`g.m-3`, `1` without dimension) of a UCUM unit, and what converts to it; None when not UCUM."""
    try:
        dimensions = ucum.parse(unit).dimensions
        base = ".".join(f"{name}{exponent if exponent != 1 else ''}" for name, exponent in dimensions) or "1"
        return base, ucum.converter(unit, base)
    except ucum.UcumError:
        return None


def converted(convert: Converter, value: Decimal) -> float | None:
    """The value in the base unit; None where the conversion has no result, as the logarithm of nothing."""
    try:
        return float(convert(value))
    except (ucum.UcumError, DecimalException, ArithmeticError, ValueError):
        return None
