"""Text without case, accents, punctuation and superfluous white space; numbers by their digits."""

import pytest

from gateway.search.folding import FOLDED_LENGTH, fold, words
from gateway.search.parsing.values import number, quantity
from gateway.search.query import QuantityValue, Range


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("O'Brien", "obrien"),
        ("Smith-Jones", "smithjones"),
        ("  12,\tMain  St. ", "12 main st"),
        ("Zoë", "zoe"),
        ("Zoe\u0308", "zoe"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("Łódź", "lodz"),
        ("Ærø", "aero"),
        ("İstanbul", "istanbul"),
        ("ﬁn", "fin"),
        ("Ångström", "angstrom"),
        ("山田", "山田"),
        ("Ἀθῆναι", "αθηναι"),
        ("+1$", "+1$"),
        ("“quoted”—…", "quoted"),
        ("'\"", ""),
        ("x" * 500, "x" * FOLDED_LENGTH),
    ],
)
def test_folding(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold(folded) == folded


def test_words_are_runs_of_letters_and_digits() -> None:
    assert words("Na\u00efve H2O, under_score; -72.5") == ["naive", "h2o", "under", "score", "72", "5"]


@pytest.mark.parametrize(
    ("text", "range_"),
    [
        ("100", Range("eq", 99.5, 100.5)),
        ("100.00", Range("eq", 99.995, 100.005)),
        ("1e2", Range("eq", 50, 150)),
        ("1.00e2", Range("eq", 99.5, 100.5)),
        ("5.40e-3", Range("eq", 0.005395, 0.005405)),
        ("0", Range("eq", -0.5, 0.5)),
        ("-2", Range("eq", -2.5, -1.5)),
        ("ne2.0", Range("ne", 1.95, 2.05)),
        ("lt100", Range("lt", 100, 100)),
        ("ge100.00", Range("ge", 100, 100)),
        ("ap100", Range("ap", 90, 110)),
        ("ap2", Range("ap", 1.5, 2.5)),
        ("ap-100", Range("ap", -110, -90)),
    ],
)
def test_the_digits_of_a_number_say_how_far_it_reaches(text: str, range_: Range) -> None:
    assert number(text) == range_


@pytest.mark.parametrize(
    "text", ["", "x", "1x", "lt", "xx1", "1,5", ".5", "5.", "٣", "NaN", "inf", "1e1000", "1" * 21]
)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="a number"):
        number(text)


def test_units_are_compared_in_their_base_unit() -> None:
    found = quantity("gt37|http://unitsofmeasure.org|Cel")
    assert found == QuantityValue(
        Range("gt", 37, 37), "http://unitsofmeasure.org", "Cel", "K", Range("gt", 310.15, 310.15)
    )
    assert quantity("37|http://unitsofmeasure.org|no unit").canonical_range is None
    assert quantity("37|urn:other|Cel").canonical_range is None
