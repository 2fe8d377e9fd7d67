"""UCUM: what the official suite does not ask, and the suite itself where it is here."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.terminology import ucum
from tests.compliance import suite_ucum

UNITS = ["mg/dL", "g/L", "mmol/L", "mm[Hg]", "kPa", "/min", "Hz", "[in_i]", "cm", "Cel", "[degF]", "K", "kcal", "kJ"]


@pytest.mark.parametrize(
    ("value", "unit", "to", "result"),
    [
        ("98.6", "[degF]", "Cel", "37"),
        ("0", "Cel", "K", "273.15"),
        ("7", "[pH]", "mol/L", "1E-7"),
        ("1", "[in_i]", "cm", "2.54"),
        ("4.060", "10*12/L", "/pL", "4.060"),
        ("100", "mg/dL", "g/L", "1"),
        ("2", "B[W]", "W", "100"),
        ("5", "mCel", "Cel", "0.005"),
    ],
)
def test_convert(value: str, unit: str, to: str, result: str) -> None:
    assert abs(ucum.convert(Decimal(value), unit, to) - Decimal(result)) < Decimal("1e-25")


@pytest.mark.parametrize(("unit", "to"), [("[iU]", "mg"), ("mg", "mL"), ("nope", "mg"), ("mg", ""), ("[iU]", "U")])
def test_no_conversion(unit: str, to: str) -> None:
    with pytest.raises(ucum.UcumError):
        ucum.convert(Decimal(1), unit, to)


@pytest.mark.parametrize(
    "unit",
    ["", " ", "mg ", "µmol/L", "m//s", "(m", "m)", "Cel2", "Cel.m", "m{a}{b}", "m99999", "((" * 200, "1" * 300],
)
def test_not_a_unit(unit: str) -> None:
    assert not ucum.validate(unit)


@given(st.text(alphabet="mgLskd/.10*-+2()[]{}HCe lin_", max_size=12))
def test_any_text_is_judged(text: str) -> None:
    assert ucum.validate(text) in (True, False)


@given(st.sampled_from(UNITS), st.sampled_from(UNITS), st.decimals("-1000", "1000", places=3))
def test_there_and_back(unit: str, to: str, value: Decimal) -> None:
    if ucum.comparable(unit, to):
        back = ucum.convert(ucum.convert(value, unit, to), to, unit)
        assert abs(back - value) < Decimal("1e-20")


def test_canonical() -> None:
    assert ucum.canonical(Decimal(1), "N") == (Decimal(1000), "g.m.s-2")
    assert ucum.canonical(Decimal(5), "%") == (Decimal("0.05"), "1")


@pytest.mark.parametrize("name", sorted(suite_ucum.SUITES))
def test_official_suite(name: str) -> None:
    try:
        passed, total, misses = suite_ucum.SUITES[name]()
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    assert misses == []
    assert passed == total > 0
