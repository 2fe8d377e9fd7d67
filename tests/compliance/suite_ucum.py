"""The official UCUM functional tests: validation and conversion."""

import xml.etree.ElementTree as ElementTree
from decimal import Decimal

from gateway.terminology import ucum
from tests.compliance.official import folder


def _cases(section: str) -> list[ElementTree.Element]:
    root = ElementTree.parse(folder("ucum") / "UcumFunctionalTests.xml").getroot()
    found = root.find(section)
    return [] if found is None else found.findall("case")


def validation() -> tuple[int, int, list[str]]:
    """Passed, total and one line for each unit judged otherwise."""
    cases = _cases("validation")
    misses = [
        f"{case.get('id')}: {case.get('unit')!r} is said to be valid={case.get('valid')}"
        for case in cases
        if ucum.validate(case.get("unit", "")) != (case.get("valid") == "true")
    ]
    return len(cases) - len(misses), len(cases), misses


def conversion() -> tuple[int, int, list[str]]:
    """Passed, total and one line for each conversion with another result, in the digits that the suite gives."""
    cases = _cases("conversion")
    misses = [f"{case.get('id')}: {found}" for case in cases if (found := _conversion_miss(case))]
    return len(cases) - len(misses), len(cases), misses


def _conversion_miss(case: ElementTree.Element) -> str:
    wanted = Decimal(case.get("outcome", ""))
    source, target = case.get("srcUnit", ""), case.get("dstUnit", "")
    try:
        found = ucum.convert(Decimal(case.get("value", "")), source, target)
    except ucum.UcumError as error:
        return f"{source} to {target}: {error}"
    return "" if _agrees(found, wanted) else f"{source} to {target} is {found}, the suite says {wanted}"


def _agrees(found: Decimal, wanted: Decimal) -> bool:
    """Equal, or equal in the significant digits of the suite's value, which it rounds half down or half up."""
    if found == wanted:
        return True
    digits = len(wanted.as_tuple().digits)
    unit = Decimal(1).scaleb(found.adjusted() - digits + 1)
    return abs(found - wanted) <= unit / 2 + unit * Decimal("1e-9")


SUITES = {"ucum-validation": validation, "ucum-conversion": conversion}
