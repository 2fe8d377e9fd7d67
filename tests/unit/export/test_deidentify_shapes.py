"""What is remembered of bodies: values and what they became, days, shapes; bounded, and never somebody else's."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from gateway.core import dumps, loads
from gateway.core.assets import asset_roots
from gateway.export.deidentify import Deidentifier, StudyKey, load_policy, shipped_policies
from gateway.export.deidentify.leaves import Leaves, around_leaves, cut
from gateway.export.deidentify.methods import hashed, shifted
from gateway.export.deidentify.shape import Changed, Left, Shape, Whose, made_by, picker

KEY = StudyKey("s1", b"k" * 32)
TODAY = date(2026, 6, 1)
SHIPPED = shipped_policies(asset_roots("profiles"))
ROW = (b'"a"', b"5", b'"c"')


def whose(shift=10):
    return Whose(KEY, TODAY, None if shift is None else timedelta(days=shift), {})


def always(found):
    return lambda _value, _subject: found


def nothing(_value, _subject):
    return None


@pytest.mark.parametrize(
    ("value", "left"),
    [(b'"a"', f'"{KEY.hash("a")}"'), (b'""', f'"{KEY.hash("")}"'), (b"5", f'"{KEY.hash("5")}"'),
     (b"1.50", f'"{KEY.hash("1.50")}"'), ('"Zürich"'.encode(), f'"{KEY.hash("Zürich")}"')],
)  # fmt: skip
def test_a_hash_in_the_text_is_that_of_the_value(value, left):
    assert made_by(hashed)(value, whose()) == left.encode()


@pytest.mark.parametrize("rest", ["", "T04:05:06Z", "T04:05:06.7+14:00"])
def test_a_day_is_moved_in_the_text_and_remembered(rest):
    person, made = whose(), made_by(shifted)
    for _ in range(2):
        assert made(f'"2026-02-03{rest}"'.encode(), person) == f'"2026-02-13{rest}"'.encode()
    assert person.days == {b"2026-02-03": b"2026-02-13"}


@pytest.mark.parametrize("value", ['"2026-02"', '""', '"soon"', "20260203", '"\uff12026-02-03"'])
def test_a_text_without_a_day_is_not_moved_and_not_remembered(value):
    person = whose()
    assert made_by(shifted)(value.encode(), person) is None
    assert person.days == {}
    assert made_by(shifted)(b'"2026-02-03"', whose(None)) is None


def test_four_hundred_days_are_remembered():
    person, made = whose(1), made_by(shifted)
    for number in range(401):
        day, next_day = (date(2020, 1, 1) + timedelta(days=number + more) for more in (0, 1))
        assert made(f'"{day}"'.encode(), person) == f'"{next_day}"'.encode()
        assert len(person.days) == (number + 1 if number < 400 else 1)


def test_other_methods_are_given_the_value():
    assert made_by(lambda value, _: [value])(b'"a"', whose()) == b'["a"]'
    assert made_by(lambda value, _: value.__class__.__name__)(b"5", whose()) == b'"int"'
    assert made_by(always("u"))(b"1.5", whose()) == b'"u"'
    assert made_by(nothing)(b'"a"', whose()) is None


def test_what_values_became_is_remembered_up_to_a_number():
    one = Changed(1, {}, made_by(always(1)))
    for number in range(4_097):
        assert one.of(b"%d" % number, whose()) == b"1"
        assert len(one.known) == (number + 1 if number < 4_096 else 1)
    gone = Changed(1, {}, made_by(nothing))
    assert (gone.of(b"5", whose()), gone.known) == (None, {})
    assert Changed(1, None, made_by(always(1))).of(b"5", whose()) == b"1"


@pytest.mark.parametrize(
    ("places", "as_key", "found"),
    [((), False, ()), ((), True, ()), ((1,), False, (b"5",)), ((1,), True, b"5"), ((2, 0), False, (b'"c"', b'"a"')),
     ((0, 2), True, (b'"a"', b'"c"'))],
)  # fmt: skip
def test_a_picker_picks_places(places, as_key, found):
    assert picker(places, as_key=as_key)(ROW) == found


def left_of(*changed):
    return Left([b"<", b"", b",", b"", b">"], picker([0, 2]), changed, picker([]))


CHANGES = {
    "nothing is changed": list,
    "all become the same": lambda: [Changed(1, {}, made_by(always("u")))],
    "the second is hashed": lambda: [Changed(3, None, made_by(hashed))],
    "both are changed": lambda: [Changed(1, {}, made_by(hashed)), Changed(3, {}, made_by(always(1)))],
    "each is somebody's": lambda: [Changed(1, None, made_by(lambda value, subject: f"{value}{subject.shift}"))],
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("columns", ["xxxx yyyy", "xxxx yzyz", "xzxz yyyy", "abcd efgh", "aabb cdcd", "x y"])
def test_many_lines_are_filled_as_each_of_them(name, columns):
    first, second = columns.split()
    rows = [(f'"{one}"'.encode(), b"5", f'"{other}"'.encode()) for one, other in zip(first, second, strict=True)]
    persons = [whose(number) for number in range(len(rows))]
    left = left_of(*CHANGES[name]())
    singly = [left.filled(row, person) for row, person in zip(rows, persons, strict=True)]
    assert left.filled_lines(rows, persons) == b"".join(line + b"\n" for line in singly)
    assert left_of(*CHANGES[name]()).filled_lines(rows, persons) == b"".join(line + b"\n" for line in singly)
    if name == "nothing is changed":
        assert singly == [b"<" + row[0] + b"," + row[2] + b">" for row in rows]


def test_lines_and_bodies_of_which_a_value_is_gone_are_not_filled():
    for known in ({}, None):
        gone = Changed(1, known, made_by(nothing))
        assert left_of(gone).filled(ROW, whose()) is None
        assert left_of(gone).filled_lines([ROW, ROW], [whose(), whose()]) is None


def test_somebody_elses_day_is_never_known():
    left = left_of(Changed(1, None, made_by(shifted)))
    row = (b'"2026-02-03"', b"5", b'"c"')
    first, second = whose(1), whose(2)
    for _ in range(2):
        assert left.filled_lines([row, row], [first, second]) == b'<"2026-02-04","c">\n<"2026-02-05","c">\n'


def test_values_of_a_shape_are_those_of_its_bodies_alone():
    shape = Shape(cut(b'{"a":"x","b":5}'))
    assert shape.told == frozenset()
    assert shape.match(b'{"a":"y","b":-1.50}').groups() == (b'"y"', b"-1.50")
    for other in (b'{"a":"y","b":"5"}', b'{"a":5,"b":5}', b'{"a":"y","b":5}\n', b'{"a":"y","b":5,"c":1}',
                  b'{"a":"y","b":05}', b'{"a":"y","b":1e5}', b'{"aa":"y","b":5}'):  # fmt: skip
        assert shape.match(other) is None
    lines = b'{"a":"y","b":1}\n{"a":"z","b":"1"}\nx{"a":"z","b":2}\n{"a":"z","b":3}\n'
    assert shape.lines(lines) == shape.lines(lines) == [(b'"y"', b"1"), (b'"z"', b"3")]
    shape.tell(frozenset({1, 0}))
    asked, lefts = shape.variants
    assert (asked((b'"y"', b"1")), lefts, shape.told) == ((b'"y"', b"1"), {}, {0, 1})


@pytest.mark.parametrize(
    "body", [b'{"a":"\\n"}', b'{"a": 1}', b'{"a":1.0E2}', b'{"a":"x:1,"}', b'{"a":[1,2]}', b'{"a":true,"b":null}']
)
def test_only_bodies_as_they_are_written_are_cut(body):
    found = Leaves.of(body, cut(body))
    assert (found is not None) == (b"\\" not in body and dumps(loads(body)) == body)
    if found:
        around, leaves = around_leaves(found.tree)
        values = cut(body)[1]
        assert b"".join(a + b for a, b in zip(around, [*(values[leaf.number] for leaf in leaves), b""], strict=True))


def observation(number, **more):
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": "final",
        "subject": {"reference": f"Patient/{number}"},
        "effectiveDateTime": f"2026-01-{number % 28 + 1:02}",
        "valueQuantity": {"value": Decimal(number) / 8, "unit": "kg"},
        **more,
    }


def deidentifier(policy="research-pseudonymised"):
    return Deidentifier(load_policy(SHIPPED[policy]), KEY, TODAY)


def counting(monkeypatch, one):
    """The trees that are asked, each as its body."""
    trees, apply = [], one.apply
    monkeypatch.setattr(one, "apply", lambda tree: trees.append(dumps(tree)) or apply(tree))
    return trees


@pytest.mark.parametrize(("size", "trees"), [(4_000, 1), (4_001, 4)])
def test_bodies_up_to_a_size_have_a_shape(monkeypatch, size, trees):
    one = deidentifier()
    asked = counting(monkeypatch, one)
    for number in range(1, 5):
        plain = dumps(observation(number, status=""))
        body = dumps(observation(number, status="x" * (size - len(plain))))
        assert len(body) == size
        assert one.apply_body(body) == dumps(deidentifier().apply(loads(body)))
    assert len(asked) == trees


@pytest.mark.parametrize(("count", "taken"), [(7, 7), (8, 0), (20, 0)])
def test_few_lines_are_taken_one_by_one(monkeypatch, count, taken):
    one = deidentifier()
    bodies = [dumps(observation(number)) for number in range(count)]
    expected = b"".join(deidentifier().apply_body(body) + b"\n" for body in bodies)
    for body in bodies[:3]:
        one.apply_body(body)
    singly, apply = [], one.apply_body
    monkeypatch.setattr(one, "apply_body", lambda body: singly.append(body) or apply(body))
    for _ in range(2):
        assert one.apply_lines(b"".join(body + b"\n" for body in bodies)) == (expected, count)
    assert len(singly) == 2 * taken


@pytest.mark.parametrize("place", [0, 5, 9])
@pytest.mark.parametrize(
    "other",
    [{"issued": "2026-02-03T00:00:00Z"}, {"status": 'quo"te'}, {"subject": {"reference": "Group/1"}},
     {"effectiveDateTime": "soon"}, {"status": "Zürich"}, {"valueQuantity": {"value": 10**25, "unit": "kg"}}],
)  # fmt: skip
def test_one_line_that_is_not_like_the_others(place, other):
    one = deidentifier()
    trees = [observation(number) for number in range(10)]
    for tree in trees[:4]:
        one.apply_body(dumps(tree))
    trees[place] |= other
    answers = [dumps(deidentifier().apply(loads(dumps(tree)))) for tree in trees]
    lines = b"".join(dumps(tree) + b"\n" for tree in trees)
    for _ in range(2):
        assert one.apply_lines(lines) == (b"".join(answer + b"\n" for answer in answers), 10)


def test_four_shapes_are_at_hand_and_others_are_looked_up(monkeypatch):
    one = deidentifier()
    asked = counting(monkeypatch, one)
    shapes = [{"performer": [{"reference": "Group/1"}] * count} for count in range(1, 7)]
    for _ in range(4):
        for number, shape in enumerate(shapes):
            body = dumps(observation(number, **shape))
            assert one.apply_body(body) == dumps(deidentifier().apply(loads(body)))
    assert len(asked) == len(shapes)
    assert len(one._shapes._recent) == 4
    assert len(set(one._shapes._recent)) == 4
    assert len(one._shapes._shapes) == 6
