"""The Long of an expression: a whole number of 64 bits.

See https://hl7.org/fhirpath/#long (a trial-use part of the language). Whole numbers are unbounded here, so a Long
differs from an Integer only in its type, which is known before any data is seen; at run time both are int.
"""

from typing import Final

LEAST: Final = -(2**63)
MOST: Final = 2**63 - 1


class Long(int):
    """The value of a Long literal such as `5L`."""

    __slots__ = ()
