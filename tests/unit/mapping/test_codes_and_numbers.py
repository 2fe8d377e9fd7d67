"""Concept maps, coded values, quantities."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.mapping.functions.codes import code_functions
from gateway.mapping.functions.numbers import limits, quantity_function, scaled, total
from gateway.mapping.scope import Fault, Scope, current
from gateway.mapping.tables import NotATable, read_concept_map, read_lookup

MAP: dict[str, Any] = {
    "resourceType": "ConceptMap",
    "group": [
        {
            "source": "urn:local",
            "target": "http://loinc.org",
            "element": [
                {"code": "HR", "target": [{"code": "8867-4", "display": "Heart rate", "equivalence": "equivalent"}]},
                {"code": "NO", "target": [{"equivalence": "unmatched"}]},
            ],
        }
    ],
}
UNITS: dict[str, Any] = {
    "resourceType": "ConceptMap",
    "group": [{"target": "http://unitsofmeasure.org", "element": [
        {"code": "tera.l-1", "target": [{"code": "10*12/L", "equivalence": "equal"}]},
        {"code": "lbs", "target": [{"code": "[lb_av]", "equivalence": "equal"}]}]}],
}  # fmt: skip
TABLES = {"tests": read_concept_map("tests", MAP), "units": read_concept_map("units", UNITS)}
FUNCTIONS = {name: call for name, (_, _, call) in code_functions(TABLES).items()}
QUANTITY = quantity_function(TABLES, keep_original=False)


def test_translate_gives_the_target_code_or_reports() -> None:
    translate = FUNCTIONS["translate"]
    assert translate(["HR"], ["tests"]) == ["8867-4"]
    assert translate(["XX"], ["tests"], ["other"]) == ["other"]
    assert translate([], ["tests"], ["other"]) == []
    for code in ("XX", "NO"):
        with pytest.raises(Fault, match="code-unmapped"):
            translate([code], ["tests"])


def test_codeable_keeps_the_original_beside_the_target() -> None:
    codeable = FUNCTIONS["codeable"]
    cwe = {"c1": "HR", "c2": "Pulse", "c3": "L"}
    loinc = {"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}
    assert codeable([cwe], ["tests"], ["urn:local"]) == [
        {"coding": [loinc, {"system": "urn:local", "code": "HR", "display": "Pulse"}]}
    ]
    assert codeable([{"c1": "789-8", "c2": "Ery", "c3": "LN"}]) == [
        {"coding": [{"system": "http://loinc.org", "code": "789-8", "display": "Ery"}]}
    ]
    for part in ("c2", "c5", "c9"):
        assert codeable([{part: "only a text"}]) == [{"text": "only a text"}]
    assert codeable([{"c4": "HR", "c5": "Pulse", "c6": "L"}], ["tests"], ["urn:local"]) == [
        {"coding": [loinc, {"code": "HR", "display": "Pulse"}]}
    ]
    assert codeable([{"CodeValue": "T-D3000", "CodingSchemeDesignator": "SRT", "CodeMeaning": "Chest"}]) == [
        {"coding": [{"system": "http://snomed.info/srt", "code": "T-D3000", "display": "Chest"}]}
    ]
    assert codeable([{"LongCodeValue": "a-long-code-of-theirs", "CodingSchemeDesignator": "99 LAB"}]) == [
        {"coding": [{"system": "urn:dicom:coding-scheme:99%20LAB", "code": "a-long-code-of-theirs"}]}
    ]


def test_a_code_of_another_system_is_not_mapped() -> None:
    with pytest.raises(Fault):
        FUNCTIONS["codeable"]([{"c1": "HR", "c3": "LN"}], ["tests"])


def test_an_unmapped_code_is_kept_where_issues_are_collected() -> None:
    seen: list[str] = []
    token = current.set(Scope(collect=lambda rule, names: seen.append(rule)))
    try:
        assert FUNCTIONS["codeable"](["XX"], ["tests"]) == [{"coding": [{"code": "XX"}]}]
    finally:
        current.reset(token)
    assert seen == ["mapping.code-unmapped"]


def test_quantities_keep_their_digits() -> None:
    made = QUANTITY([Decimal("4.060")], ["tera.l-1"], ["units"])[0]
    assert (str(made["value"]), made["unit"], made["code"]) == ("4.060", "tera.l-1", "10*12/L")


def test_quantities_convert_to_the_target_unit() -> None:
    made = QUANTITY([Decimal("154.3")], ["lbs"], ["units"], ["kg"])[0]
    assert (made["code"], abs(made["value"] - Decimal("69.9893")) < Decimal("0.001")) == ("kg", True)
    assert len(made["value"].as_tuple().digits) <= 6


@pytest.mark.parametrize(("unit", "target"), [("furlong-ish", []), ("kg", ["s"])])
def test_units_that_are_not_known_or_do_not_convert_are_reported(unit: str, target: list[str]) -> None:
    with pytest.raises(Fault, match="unit-unmapped"):
        QUANTITY([1], [unit], [""], target)


def test_a_text_is_no_number() -> None:
    with pytest.raises(Fault, match="wrong-value"):
        QUANTITY(["72"], ["kg"])
    with pytest.raises(Fault, match="wrong-value"):
        total(["1"])


def test_scaling_is_exact() -> None:
    assert [str(value) for value in scaled([72500], [-3])] == ["72.500"]
    assert [str(value) for value in scaled([7], [1])] == ["70"]
    with pytest.raises(Fault):
        scaled([7], [5000])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4.0-5.5", [{"low": Decimal("4.0"), "high": Decimal("5.5")}]),
        ("-1 - 2", [{"low": Decimal("-1"), "high": Decimal("2")}]),
        ("<5", [{"high": Decimal("5")}]),
        (">=3.20", [{"low": Decimal("3.20")}]),
        ("negative", []),
        ("<" + "9" * 1000, []),
    ],
)
def test_ranges(text: str, expected: list[Any]) -> None:
    assert limits([text]) == expected


def test_tables_that_are_wrong_are_refused() -> None:
    with pytest.raises(NotATable):
        read_concept_map("x", {"resourceType": "ValueSet"})
    with pytest.raises(NotATable):
        read_lookup(b"id,kind\na,1\na,2\n", "id")
    with pytest.raises(NotATable):
        read_lookup(b"id,kind\na\n", "id")
    with pytest.raises(NotATable):
        read_lookup(b"id,kind\n", "name")
    rows, columns = read_lookup(b"id,kind\na,\n", "id")
    assert (rows, columns) == ({"a": {"id": "a"}}, frozenset({"id", "kind"}))
