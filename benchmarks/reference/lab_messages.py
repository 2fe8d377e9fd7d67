"""ORU^R01 messages as a laboratory sends them day by day: ten results each, no two messages alike.

From message to message vary: participant, names, birth date, sex, all times, message, order and report numbers,
values, sub-ids, flags, and what is pending or corrected. What comes again is what comes again in a feed: three panels
of ten tests with their units, and the ranges, of which some go by sex.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, NamedTuple


class _Test(NamedTuple):
    """A test of a panel: LOINC code, name, decimals of a value, unit, range, that of women where it differs."""

    code: str
    name: str
    digits: int
    unit: str
    low: float
    high: float
    of_women: tuple[float, float] | None = None


_PANELS: Final = {
    "58410-2^CBC panel^LN": (
        _Test("6690-2", "Leukocytes", 1, "10*3/uL", 4.5, 11.0),
        _Test("789-8", "Erythrocytes", 2, "10*6/uL", 4.5, 5.9, (4.0, 5.2)),
        _Test("718-7", "Hemoglobin", 1, "g/dL", 13.5, 17.5, (12.0, 15.5)),
        _Test("4544-3", "Hematocrit", 1, "%", 41.0, 53.0, (36.0, 46.0)),
        _Test("787-2", "MCV", 1, "fL", 80.0, 100.0),
        _Test("785-6", "MCH", 1, "pg", 27.0, 33.0),
        _Test("786-4", "MCHC", 1, "g/dL", 32.0, 36.0),
        _Test("788-0", "RDW", 1, "%", 11.5, 14.5),
        _Test("777-3", "Platelets", 0, "10*3/uL", 150, 400),
        _Test("32623-1", "MPV", 1, "fL", 7.5, 11.5),
    ),
    "24323-8^Comprehensive metabolic panel^LN": (
        _Test("2345-7", "Glucose", 0, "mg/dL", 70, 99),
        _Test("3094-0", "Urea nitrogen", 0, "mg/dL", 7, 20),
        _Test("2160-0", "Creatinine", 2, "mg/dL", 0.74, 1.35, (0.59, 1.04)),
        _Test("2951-2", "Sodium", 0, "mmol/L", 135, 145),
        _Test("2823-3", "Potassium", 1, "mmol/L", 3.5, 5.1),
        _Test("2075-0", "Chloride", 0, "mmol/L", 98, 107),
        _Test("2028-9", "Carbon dioxide", 0, "mmol/L", 22, 29),
        _Test("17861-6", "Calcium", 1, "mg/dL", 8.6, 10.3),
        _Test("2885-2", "Protein", 1, "g/dL", 6.0, 8.3),
        _Test("1751-7", "Albumin", 1, "g/dL", 3.5, 5.0),
    ),
    "24325-3^Liver and lipids^LN": (
        _Test("1742-6", "ALT", 0, "U/L", 7, 55, (7, 45)),
        _Test("1920-8", "AST", 0, "U/L", 8, 48),
        _Test("6768-6", "Alkaline phosphatase", 0, "U/L", 40, 129),
        _Test("1975-2", "Bilirubin", 1, "mg/dL", 0.1, 1.2),
        _Test("2324-2", "GGT", 0, "U/L", 8, 61, (5, 36)),
        _Test("2093-3", "Cholesterol", 0, "mg/dL", 120, 200),
        _Test("2571-8", "Triglyceride", 0, "mg/dL", 40, 150),
        _Test("2085-9", "HDL cholesterol", 0, "mg/dL", 40, 90, (50, 95)),
        _Test("13457-7", "LDL cholesterol", 0, "mg/dL", 50, 130),
        _Test("4548-4", "Hemoglobin A1c", 1, "%", 4.0, 5.6),
    ),
}
_FAMILIES: Final = ("Alder", "Birch", "Cedar", "Elm", "Hazel", "Juniper", "Larch", "Maple", "Rowan", "Willow")
_GIVEN: Final = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gina", "Hugo", "Ines", "Jon")
_DAY: Final = datetime(2026, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LabMessage:
    """A message, and the birth date (FHIR) of the participant whom it is about."""

    body: bytes
    birth_date: str


def lab_messages(seed: int) -> Iterator[LabMessage]:
    """Messages without end, the same ones for the same seed."""
    random, number = Random(seed), seed * 1_000_000
    while True:
        number += 1
        yield _message(random, number)


def _message(random: Random, number: int) -> LabMessage:
    panel, tests = random.choice([*_PANELS.items()])
    born = f"{random.randint(1935, 2005)}{random.randint(1, 12):02}{random.randint(1, 28):02}"
    sex = random.choice("FM")
    taken = _DAY + timedelta(seconds=random.randrange(31_000_000))
    told = taken + timedelta(seconds=random.randint(1800, 90_000))
    person, patient = f"{random.choice(_FAMILIES)}^{random.choice(_GIVEN)}", random.randint(100_000, 999_999)
    head = [
        f"MSH|^~\\&|LAB|S{patient % 40}|GW|T|{_time(told)}||ORU^R01^ORU_R01|M{number}|P|2.5.1",
        f"PID|1||{patient}^^^A^MR||{person}||{born}|{sex}",
        f"OBR|1|P{number * 7}|F{number * 3}|{panel}|||{_time(taken)}|||||||||||||||{_time(told)}|||F",
    ]
    results = [_result(random, index, test, sex, _time(taken)) for index, test in enumerate(tests, 1)]
    return LabMessage("\r".join([*head, *results, ""]).encode(), f"{born[:4]}-{born[4:6]}-{born[6:]}")


def _result(random: Random, index: int, test: _Test, sex: str, taken: str) -> str:
    low, high = test.of_women if sex == "F" and test.of_women else (test.low, test.high)
    value = max(random.gauss((low + high) / 2, (high - low) / 3), low / 4)
    flag = "L" if value < low else "H" if value > high else random.choice(("", "N"))
    limits = f"{low:.{test.digits}f}-{high:.{test.digits}f}"
    status = random.choices("FPC", (94, 4, 2))[0]
    return (
        f"OBX|{index}|NM|{test.code}^{test.name}^LN|{random.choice(('', index))}|{value:.{test.digits}f}"
        f"|{test.unit}^^UCUM|{limits}|{flag}|||{status}|||{taken}"
    )


def _time(at: datetime) -> str:
    return f"{at:%Y%m%d%H%M%S}+0000"
