"""The UCUM table: prefixes, base units and units of `terminology/ucum/ucum-essence.xml`, read as they are.

See https://ucum.org/ucum.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from functools import cache
from typing import Final
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from gateway.core.assets import asset_root

PRECISION: Final = Context(prec=34)
"""The decimal arithmetic of conversions."""

_NAMESPACE: Final = "{http://unitsofmeasure.org/ucum-essence}"


@dataclass(frozen=True, slots=True)
class Scale:
    """The scale of a special unit: `up` takes its number to a ratio scale, `down` brings it back.

    `shift` is what `up` adds where that is all it does (temperatures), else None.
    """

    up: Callable[[Decimal], Decimal]
    down: Callable[[Decimal], Decimal]
    shift: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Atom:
    """A unit of the table: `number` times the `unit` expression, on a special `scale` if it has one.

    A base unit and an arbitrary unit have an empty expression: they are a dimension of their own.
    """

    code: str
    metric: bool
    number: Fraction
    unit: str
    scale: Scale | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Code -> factor of the prefixes, and code -> atom of the units."""

    prefixes: Mapping[str, Fraction]
    atoms: Mapping[str, Atom]


def _shift(by: str) -> Scale:
    step = Decimal(by)
    return Scale(lambda value: PRECISION.add(value, step), lambda value: PRECISION.subtract(value, step), step)


def _power(base: int, times: int = 1) -> Scale:
    """The unit counts `times` the logarithm of the ratio to `base`; a negative count is a dilution."""
    number, factor = Decimal(base), Decimal(times)
    return Scale(
        lambda value: PRECISION.power(number, PRECISION.divide(value, factor)),
        lambda ratio: PRECISION.multiply(PRECISION.divide(PRECISION.ln(ratio), PRECISION.ln(number)), factor),
    )


def _tangent() -> Scale:
    return Scale(
        lambda value: Decimal(repr(math.atan(value / 100))),
        lambda angle: Decimal(repr(math.tan(angle))) * 100,
    )


SCALES: Final[Mapping[str, Scale]] = {
    "Cel": _shift("273.15"),
    "degF": _shift("459.67"),
    "degRe": _shift("218.52"),
    "pH": _power(10, -1),
    "hpX": _power(10, -1),
    "hpC": _power(100, -1),
    "hpM": _power(1000, -1),
    "hpQ": _power(50000, -1),
    "ln": Scale(PRECISION.exp, PRECISION.ln),
    "lg": _power(10),
    "lgTimes2": _power(10, 2),
    "ld": _power(2),
    "sqrt": Scale(lambda value: PRECISION.multiply(value, value), PRECISION.sqrt),
    "tanTimes100": _tangent(),
    "100tan": Scale(
        lambda value: Decimal(repr(math.degrees(math.atan(value / 100)))),
        lambda angle: Decimal(repr(math.tan(math.radians(angle)))) * 100,
    ),
}
"""The functions that special units name."""


@cache
def table() -> Table:
    """The table, read once."""
    root = fromstring(asset_root("terminology").joinpath("ucum", "ucum-essence.xml").read_bytes())
    prefixes = {_text(node, "Code"): _number(_part(node, "value")) for node in root.iter(f"{_NAMESPACE}prefix")}
    atoms = {
        code: Atom(code, metric=True, number=Fraction(1), unit="")
        for code in (_text(node, "Code") for node in root.iter(f"{_NAMESPACE}base-unit"))
    }
    for node in root.iter(f"{_NAMESPACE}unit"):
        atom = _atom(node)
        atoms[atom.code] = atom
    return Table(prefixes, atoms)


def _atom(node: Element) -> Atom:
    code, metric = _text(node, "Code"), node.get("isMetric") == "yes"
    value = _part(node, "value")
    special = value.find(f"{_NAMESPACE}function")
    if special is not None:
        return Atom(code, metric, _number(special), _text(special, "Unit"), SCALES[_text(special, "name")])
    unit = _text(value, "Unit")
    is_own = node.get("isArbitrary") == "yes" and unit == "1"
    return Atom(code, metric, _number(value), "" if is_own else unit)


def _part(node: Element, name: str) -> Element:
    found = node.find(f"{_NAMESPACE}{name}")
    if found is None:
        raise ValueError(f"ucum-essence.xml has a unit without {name}")
    return found


def _text(node: Element, name: str) -> str:
    return node.get(name, "")


def _number(node: Element) -> Fraction:
    return Fraction(_text(node, "value"))
