"""YAML 1.2 core schema with positions; hostile documents are refused where they hurt."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import yaml

PLAIN = """\
code: 012
switch: on
country: NO
day: 2026-01-05
ratio: 1.50
count: -3
flag: true
nothing: null
quoted: '3'
"""


def test_only_true_false_null_and_numbers_are_special() -> None:
    assert yaml.load(PLAIN).tree == {
        "code": "012", "switch": "on", "country": "NO", "day": "2026-01-05", "ratio": Decimal("1.50"), "count": -3,
        "flag": True, "nothing": None, "quoted": "3",
    }  # fmt: skip


def test_a_decimal_keeps_its_text() -> None:
    assert str(yaml.load("a: 4.060").tree["a"]) == "4.060"


def test_every_value_has_a_position() -> None:
    document = yaml.load("a:\n  - b: 1\n    c: 2\n")
    assert document.position(("a", 0, "c")) == (3, 8)
    assert document.position(("a", 0, "c", "deeper")) == (3, 8)


def test_anchors_merge_and_own_keys_win() -> None:
    tree = yaml.load("x: &x {a: 1, b: 2}\ny:\n  b: 3\n  <<: *x\n").tree
    assert tree["y"] == {"a": 1, "b": 3}


REFUSED = {
    "deep nesting": ("[" * 100_000, 1),
    "deep nesting in blocks": ("- " * 100_000, 1),
    "deep nesting by aliases": ("a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 1500)), 1),
    "duplicate key": ("a: 1\nb: 2\na: 3\n", 3),
    "billion laughs": (
        "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{b}: &{b} [{','.join(['*' + a] * 10)}]\n" for a, b in zip("abcdef", "bcdefg", strict=True)),
        1,
    ),
    "an alias of itself": ("a: &a [*a]\n", 1),
    "two documents": ("a: 1\n---\nb: 2\n", 2),
    "a key that is a list": ("[1, 2]: 3\n", 1),
    "not closed": ("a: [1, 2\n", 2),
    "a merged list of scalars": ("a: {<<: [1]}", 1),
    "a number without end": ("a: 1\nb: -" + "9" * 5000, 2),
    "a control character": ("a: é\nb: \x00", 2),
}


@pytest.mark.parametrize(("text", "line"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses(text: str, line: int) -> None:
    with pytest.raises(yaml.YamlError) as refused:
        yaml.load(text)
    assert refused.value.line == line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: [1,\n  2\nc: 3\n", "that begins in line 2"),
        ("a:\n  b: 1\n  c: 2\n    d: 3\n", "mapping values are not allowed"),
        ("a: 1\nb: 'x\nc: 2\n", "that begins in line 2"),
        ("a:\n    b: 1\n  c: 2\n", "that begins in line 1"),
    ],
    ids=["list", "indented", "quote", "dedented"],
)
def test_says_where_that_began_which_has_no_end(text: str, told: str) -> None:
    with pytest.raises(yaml.YamlError, match=told):
        yaml.load(text)


WRITTEN = """\
plain: =abcd
double: "=a\\tb\\u0063d \\"e"
single: '=it''s e'
folded: >
  =ab
  cd
    ef
literal: |
  =ab
  cd
lines: =ab
  cd
"""


@pytest.mark.parametrize("key", ["plain", "double", "single", "folded", "literal", "lines"])
def test_each_character_of_a_text_has_its_place(key: str) -> None:
    document, lines = yaml.load(WRITTEN), WRITTEN.splitlines()
    text = document.tree[key]
    for offset in range(1, len(text)):
        line, column = document.position_within((key,), offset)
        if text[offset] in "abdefis":  # the others are escapes, or blanks of a line's end
            assert lines[line - 1][column - 1] == text[offset], offset


@given(st.text(alphabet="=ab'\"\\ \n\té#:-", max_size=12))
def test_the_place_of_a_character_is_in_the_text(text: str) -> None:
    for source in (f"k: {json.dumps(text)}\n", "k: '" + text.replace("'", "''") + "'\n", f"k: |\n  {text}\n"):
        try:
            document = yaml.load(source)
        except yaml.YamlError:
            continue
        for offset in range(len(str(document.tree["k"]))):
            line, column = document.position_within(("k",), offset)
            assert 1 <= line <= source.count("\n") + 1
            assert 1 <= column <= len(source) + 1


def test_merged_keys_stand_where_they_are_written_and_own_ones_where_they_are() -> None:
    document = yaml.load("x: &x {a: 1, b: 2}\ny:\n  b: 3\n  <<: *x\nz:\n  <<: [*x]\n  a: null\n  c: null\n")
    assert (document.position(("y", "b")), document.position(("y", "a"))) == ((3, 6), (1, 11))
    assert (document.position(("y",)), document.position(("z", "b"))) == ((3, 3), (1, 17))
    assert document.position_of_key(("y", "b")) == (3, 3)
    assert [document.deletes_nothing(("z", name)) for name in "abc"] == [False, False, True]


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system ['true']", "!own x", "!!int x", "! 12"])
def test_a_tag_is_refused_where_it_stands(tag: str) -> None:
    with pytest.raises(yaml.YamlError, match="a tag") as refused:
        yaml.load(f"a: 1\nb: {tag}")
    assert (refused.value.line, refused.value.column) == (2, 4)


@given(st.text(max_size=80))
def test_any_text_is_a_tree_or_a_refusal(text: str) -> None:
    try:
        yaml.load(text)
    except yaml.YamlError as refused:
        assert refused.line >= 1
