"""What is remembered of the results of a test changes no result: decoding a line again, and after any other one."""

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.formats.hl7v2_segments import Encoding, read_segment

SEPARATORS = ("|^~\\&", "$*@!+", "#;,/.")
ENCODINGS = tuple(found for found in (Encoding.of(f"MSH{characters}") for characters in SEPARATORS) if found)
TEXTS = st.sampled_from(
    (
        "",
        "",
        "1",
        "NM",
        "ST",
        "CE",
        "13.4",
        "g/dL",
        "718-7^Hb^LN",
        "^^LN",
        "^",
        '""',
        "a~b",
        "\\F\\",
        "x&y",
        "1" * 450,
    )
)
LINES = st.lists(TEXTS, max_size=30).map(lambda texts: "|".join(("OBX", *texts)))


def slowly(line: str, encoding: Encoding) -> list[tuple[str, object]]:
    """The fields as they are read of any line: field 200, which no segment has, makes it go that way."""
    read = read_segment(line + encoding.field * (200 - line.count(encoding.field)) + "x", encoding)
    return [*read.items()][:-2]


def written(line: str, encoding: Encoding) -> str:
    """The line with other separators."""
    marks = (encoding.field, encoding.component, encoding.repetition, encoding.escape, encoding.subcomponent)
    return line.translate(str.maketrans(SEPARATORS[0], "".join(marks)))


@example(["OBX|1|NM|718-7^Hb^LN||1|g/dL", "OBX||NM|718-7^Hb^LN|2||g/dL", "OBX|1|NM|718-7^Hb^LN||1|g/dL"])
@example(["OBX|1|ST|a^b||c^d", "OBX|1|ST|a^b||c", "OBX|1|NM|a^b||c^d", "OBX|1^2|NM|a^b|3^4|1"])
@given(st.lists(LINES, min_size=1, max_size=4))
def test_a_line_reads_the_same_whatever_was_read_before(lines: list[str]) -> None:
    for encoding in ENCODINGS:
        for line in (written(line, encoding) for line in lines * 2):
            first, again = read_segment(line, encoding), read_segment(line, encoding)
            assert [*first.items()] == [*again.items()] == slowly(line, encoding)
            shared = {id(part) for part in first.values() if isinstance(part, dict)}
            assert shared.isdisjoint(map(id, again.values()))
