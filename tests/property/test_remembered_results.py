"""What is remembered of the results of a test changes no result: of decoding a line, of mapping a message."""

import copy

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.formats import decode
from gateway.formats.hl7v2_headers import feed_of
from gateway.formats.hl7v2_segments import USUAL, Encoding, read_header, read_segment
from gateway.mapping.tools.selftest import facts_of
from tests.mapping_runs import registry

SEPARATORS = ("|^~\\&", "$*@!+", "#;,/.")
ENCODINGS = tuple(found for found in (Encoding.of(f"MSH{characters}") for characters in SEPARATORS) if found)
TEXTS = st.sampled_from((*["", "1", "NM", "ST", "CE", "13.4", "g/dL", "718-7^Hb^LN", "^^LN", "^", '""', "a~b"],
                         *["\\F\\", "x&y", "1" * 450]))  # fmt: skip
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


HEADS = st.tuples(
    st.sampled_from(("MSH", "BHS")),
    st.lists(st.sampled_from(("LAB", "S^1^DNS", "", "^")), min_size=4, max_size=4),
    st.sampled_from(("20260102", "20260103", "20260102^S", "")),
    st.sampled_from(("", "", "key")),
    st.sampled_from(("ORU^R01", "ORU", "")),
    st.sampled_from(("1", "2", "1^2", "")),
    st.sampled_from(("P|2.5.1", "P^T|2.5.1|||AL|NE", "", "P" * 500)),
).map(lambda told: "|".join((told[0], "^~\\&", *told[1], *told[2:])))


@settings(max_examples=60)
@given(st.lists(HEADS, min_size=1, max_size=4), st.sampled_from(("\\&", "\\", "")))
def test_a_header_reads_the_same_whatever_was_read_before(lines: list[str], declared: str) -> None:
    for line in (line.replace("\\&", declared) for line in lines):
        feed, encoding = feed_of(line[3:8]), Encoding.of(line)
        assert feed is not None
        assert encoding is not None
        first, again = feed.read(line), feed.read(line)
        assert [*first.items()] == [*again.items()] == [*read_header(line, encoding, is_plain=False).items()]
        shared = {id(part) for part in first.values() if isinstance(part, dict)}
        assert shared.isdisjoint(map(id, again.values()))


SEGMENTS = st.builds(
    lambda name, texts: "|".join((name, *texts)),
    st.sampled_from(("PID", "OBR", "ZZZ")),
    st.lists(st.sampled_from(("", "", "1", "a^b", "^^c", "a^", "^", "a^b^c^d")), max_size=4),
)


@example(
    ["PID|1||1^^^A^MR", "PID|2||7^^^B^MR", "PID|3||8^^^B^MR", "PID|3||8^^^B^", "PID||1|8^^^B^MR", "PID|1^2||8^^^B^MR"]
)
@given(st.lists(SEGMENTS, min_size=1, max_size=6))
def test_a_segment_reads_the_same_whatever_shapes_came_before(lines: list[str]) -> None:
    lines *= 3
    body = "\r".join(("MSH|^~\\&|LAB|S|GW|T|2026||ADT^A01|1|P|2.5.1", *lines)).encode()
    tree = decode(body, "hl7v2").tree
    for name in ("PID", "OBR", "ZZZ"):
        expected = [slowly(line, USUAL) for line in lines if line[:3] == name]
        assert [[*segment.items()] for segment in tree.get(name, [])] == expected


FACTS = facts_of({"subject": {"id": "p1", "zone": "UTC"}, "site": {"zone": "UTC"}})
TESTS = st.sampled_from(
    ("718-7^Hb^LN", "HGB^Hb^L", "^^^718-7^Hb^LN", "X", "718-7", "718-7^Hb&x^LN^HGB^b^L~2951-2^Na^LN", "")
)
UNITS = st.sampled_from(("g/dL^^UCUM", "g/dL", "g/dl", "tera.l-1", "nonsense unit", "", "g/dL~mg/dL", "a" * 150))
RANGES = st.sampled_from(("12-16", "<5", "12.0-16", "12-16^x", "", "\\T\\", "3-4~5-6"))
FLAGS = st.sampled_from(("", "N", "H~A", "odd", "H^high"))
VALUES = st.sampled_from(
    (("NM", "13.40"), ("NM", "13.4"), ("NM", "<5"), ("ST", "a^b"), ("CE", "A^B^LN"), ("SN", "^3^-^4"))
)


@st.composite
def results(draw: st.DrawFn) -> str:
    """An OBX of a few tests, units, ranges and flags in any company."""
    kind, value = draw(VALUES)
    status, method = draw(st.sampled_from("FPC?")), draw(st.sampled_from(("", "M1^Method^L")))
    time = draw(st.sampled_from(("", "20260102070000+0000", "20260102^x")))
    return (
        f"OBX|1|{kind}|{draw(TESTS)}|{draw(st.sampled_from(('', '1', '2^3')))}|{value}|{draw(UNITS)}|{draw(RANGES)}"
        f"|{draw(FLAGS)}|||{status}|||{time}|||{method}"
    )


@settings(deadline=None, max_examples=150)
@given(st.lists(results(), min_size=1, max_size=4), st.sampled_from(ENCODINGS))
def test_a_message_maps_the_same_with_and_without_what_is_remembered(lines: list[str], encoding: Encoding) -> None:
    mapping = registry().get("lab.hl7v2.oru-r01")
    head = [
        "MSH|^~\\&|LAB|S|GW|T|20260102080000+0000||ORU^R01^ORU_R01|1|P|2.5.1",
        "PID|1||1^^^A^MR",
        "OBR|1|P1|F1|1^x^LN",
    ]
    body = "\r".join(written(line, encoding) for line in (*head, *lines)).encode()
    for _ in range(2):
        decoded, of_rows = decode(body, "hl7v2"), mapping.apply_to(decode(body, "hl7v2"), FACTS)
        given = copy.deepcopy(decoded.tree)
        quick, explained = (
            mapping.apply(decoded.tree, FACTS, trace=trace, locate=decoded.locate) for trace in (False, True)
        )
        assert repr(of_rows.units) == repr(quick.units) == repr(explained.units)
        assert of_rows.issues == quick.issues == explained.issues
        assert decoded.tree == given
