"""Units of UCUM: valid, comparable, canonical, converted; exact, in Decimal and Fraction.

See https://ucum.org/ucum. Codes are the case-sensitive ones.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from fractions import Fraction
from functools import lru_cache
from typing import Final

from gateway.terminology.ucum_table import PRECISION, Atom, Scale, table

MAX_LENGTH: Final = 255
"""How many characters a unit may have."""

MAX_EXPONENT: Final = 99

_SIMPLE = re.compile(r"(?:\[[^\[\]{}\s]*\]|[^./(){}\[\]\s])+")
_EXPONENT = re.compile(r"(.*?[^0-9+-]|10[*^])([+-]?\d{1,2})", re.ASCII)
_FACTOR = re.compile(r"\d+", re.ASCII)
_ANNOTATION = re.compile(r"\{[!-z|~ ]*\}", re.ASCII)

Dimensions = tuple[tuple[str, int], ...]


class UcumError(ValueError):
    """The unit is not UCUM, or two units do not compare."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A parsed unit: `factor` times the base units with their exponents; `scale` of a special unit.

    An arbitrary unit such as `[iU]` is a dimension of its own.
    """

    factor: Fraction
    dimensions: Dimensions
    scale: Scale | None = None


class _Parser:
    """The state of one parse."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def unit(self) -> Unit:
        """The whole text as a unit."""
        if not self._text:
            raise UcumError("a unit is not empty")
        found = self._term(inverse=self._take("/"))
        if self._position < len(self._text):
            raise UcumError("the unit has something after its end")
        return found

    def _take(self, symbol: str) -> bool:
        found = self._text.startswith(symbol, self._position)
        self._position += found
        return found

    def _term(self, *, inverse: bool) -> Unit:
        found = self._component()
        if inverse:
            found = _combine(_ONE, found, -1)
        while True:
            if self._take("."):
                found = _combine(found, self._component(), 1)
            elif self._take("/"):
                found = _combine(found, self._component(), -1)
            else:
                return found

    def _component(self) -> Unit:
        if self._take("("):
            found = self._term(inverse=self._take("/"))
            if not self._take(")"):
                raise UcumError("a parenthesis is not closed")
            return found
        simple = _SIMPLE.match(self._text, self._position)
        if simple is not None:
            self._position = simple.end()
            found = _simple(simple.group())
            self._annotation()
            return found
        if self._annotation():
            return _ONE
        raise UcumError("a term is missing")

    def _annotation(self) -> bool:
        found = _ANNOTATION.match(self._text, self._position)
        if found is not None:
            self._position = found.end()
        return found is not None


_ONE: Final = Unit(Fraction(1), ())


def _combine(left: Unit, right: Unit, sign: int) -> Unit:
    for unit, other in ((left, right), (right, left)):
        if unit.scale is not None:
            # A special unit stands alone, or is scaled by plain numbers.
            if other.dimensions or other.scale is not None or (sign < 0 and unit is right):
                raise UcumError("a special unit takes no part in a product")
            return Unit(unit.factor * (other.factor if sign > 0 else 1 / other.factor), unit.dimensions, unit.scale)
    exponents = dict(left.dimensions)
    for name, exponent in right.dimensions:
        exponents[name] = exponents.get(name, 0) + sign * exponent
    dimensions = tuple(sorted((name, exponent) for name, exponent in exponents.items() if exponent))
    return Unit(left.factor * right.factor if sign > 0 else left.factor / right.factor, dimensions)


def _simple(text: str) -> Unit:
    if _FACTOR.fullmatch(text):
        if len(text) > 18 or int(text) == 0:
            raise UcumError("a factor is out of range")
        return Unit(Fraction(int(text)), ())
    found = _atom(text)
    if found is not None:
        return found
    parts = _EXPONENT.fullmatch(text)
    base = _atom(parts.group(1)) if parts is not None else None
    if base is None or parts is None:
        raise UcumError("there is no such unit")
    exponent = int(parts.group(2))
    if base.scale is not None or abs(exponent) > MAX_EXPONENT:
        raise UcumError("the exponent is out of range")
    dimensions = tuple((name, count * exponent) for name, count in base.dimensions if exponent)
    return Unit(base.factor**exponent, dimensions)


@lru_cache(maxsize=2048)
def _atom(text: str) -> Unit | None:
    """The unit of a symbol with or without a prefix; None when there is none."""
    known = table()
    atom = known.atoms.get(text)
    if atom is not None:
        return _unit_of(atom)
    for length in (1, 2):
        prefix, rest = known.prefixes.get(text[:length]), known.atoms.get(text[length:])
        if prefix is not None and rest is not None and rest.metric:
            unit = _unit_of(rest)
            if unit.scale is not None:
                return Unit(unit.factor, unit.dimensions, _prefixed(unit.scale, prefix))
            return Unit(unit.factor * prefix, unit.dimensions)
    return None


def _prefixed(scale: Scale, prefix: Fraction) -> Scale:
    factor = _decimal(prefix)
    return Scale(
        lambda value: scale.up(PRECISION.multiply(value, factor)),
        lambda value: PRECISION.divide(scale.down(value), factor),
    )


def _unit_of(atom: Atom) -> Unit:
    if not atom.unit:
        return Unit(atom.number, ((atom.code, 1),))
    under = parse(atom.unit)
    return Unit(atom.number * under.factor, under.dimensions, atom.scale)


@lru_cache(maxsize=4096)
def _parse(text: str) -> Unit | UcumError:
    if len(text) > MAX_LENGTH:
        return UcumError("the unit is too long")
    try:
        return _Parser(text).unit()
    except UcumError as error:
        return error
    except RecursionError:
        return UcumError("the unit nests too deep")


def parse(text: str) -> Unit:
    """The unit that a code stands for; raises `UcumError` when it is not UCUM."""
    found = _parse(text)
    if isinstance(found, UcumError):
        raise found.with_traceback(None)
    return found


def validate(unit: str) -> bool:
    """True when the text is a UCUM unit."""
    return isinstance(_parse(unit), Unit)


def comparable(unit: str, other: str) -> bool:
    """True when both are units of the same dimensions; raises `UcumError` when one is not UCUM."""
    return parse(unit).dimensions == parse(other).dimensions


def _decimal(value: Fraction) -> Decimal:
    return PRECISION.divide(Decimal(value.numerator), Decimal(value.denominator))


def _is_exact(value: Fraction) -> bool:
    rest = value.denominator
    for factor in (2, 5):
        while rest % factor == 0:
            rest //= factor
    return rest == 1 and len(str(value.numerator)) <= PRECISION.prec


@lru_cache(maxsize=4096)
def converter(unit: str, to: str) -> Callable[[Decimal], Decimal]:
    """The compiled conversion from one unit to another; raises `UcumError` when they do not compare."""
    source, target = parse(unit), parse(to)
    if source.dimensions != target.dimensions:
        raise UcumError("the units do not compare")
    ratio = source.factor / target.factor
    if source.scale is not None or target.scale is not None:
        return _special(source, target, ratio)
    if ratio == 1:
        return lambda value: value
    multiply, divide = PRECISION.multiply, PRECISION.divide
    if _is_exact(ratio):
        factor = _decimal(ratio)
        return lambda value: multiply(value, factor)
    over, under = Decimal(ratio.numerator), Decimal(ratio.denominator)
    return lambda value: divide(multiply(value, over), under)


def _special(source: Unit, target: Unit, ratio: Fraction) -> Callable[[Decimal], Decimal]:
    line = _line(source, target, ratio)
    if line is not None:
        return line
    over, under = Decimal(ratio.numerator), Decimal(ratio.denominator)
    up = source.scale.up if source.scale is not None else None
    down = target.scale.down if target.scale is not None else None

    def run(value: Decimal) -> Decimal:
        number = value if up is None else up(value)
        number = PRECISION.divide(PRECISION.multiply(number, over), under)
        return number if down is None else down(number)

    return run


def _line(source: Unit, target: Unit, ratio: Fraction) -> Callable[[Decimal], Decimal] | None:
    """The conversion between shifted scales: (value * over + added) / under."""
    shifts = [Decimal(0) if unit.scale is None else unit.scale.shift for unit in (source, target)]
    before, after = shifts
    if before is None or after is None:
        return None
    fused, divide = PRECISION.fma, PRECISION.divide
    over, under = Decimal(ratio.numerator), Decimal(ratio.denominator)
    added = PRECISION.subtract(PRECISION.multiply(before, over), PRECISION.multiply(after, under))
    if not _is_exact(ratio):
        return lambda value: divide(fused(value, over, added), under)
    factor, offset = _decimal(ratio), divide(added, under)
    return lambda value: fused(value, factor, offset)


def convert(value: Decimal, unit: str, to: str) -> Decimal:
    """`value` of one unit in another; raises `UcumError` when a unit is not UCUM or they do not compare.

    Exact where the result has at most 34 digits; rounded to 34 otherwise.
    """
    try:
        return converter(unit, to)(value)
    except (DecimalException, ValueError, OverflowError, ZeroDivisionError) as error:
        if isinstance(error, UcumError):
            raise
        raise UcumError("the value has no counterpart in the other unit") from None


def canonical(value: Decimal, unit: str) -> tuple[Decimal, str]:
    """The value and unit in base units, their symbols in order: 1 N is 1000 `g.m.s-2`; raises `UcumError`."""
    code = base_code(unit)
    return convert(value, unit, code), code


def base_code(unit: str) -> str:
    """The base units of a unit as a code, `1` when it has none; raises `UcumError`."""
    names = [name if exponent == 1 else f"{name}{exponent}" for name, exponent in parse(unit).dimensions]
    return ".".join(names) or "1"
