"""Functions with fewer steps and locals give what they gave before, in the same order of evaluation."""

import ast
from itertools import product
from sys import getsizeof
from typing import Any

import pytest

from gateway.mapping.fast.tidied import tidied
from gateway.mapping.fast.writer_begun import roomy

SOURCES = {
    "a local that is read once is put where it is read": """
def run(a, b, told):
    v1 = told(a)
    v2 = told(b)
    if v2:
        v3 = told(3)
        v4 = v3 if a else None
        return v1, v4
    return v1
""",
    "what is evaluated first stays first": """
def run(a, b, told):
    v1 = told(a)
    v2 = [told(b), v1]
    v3 = told(b)
    v4 = a or v3
    v5 = told(v4)
    return v2, told(9) if b else v5
""",
    "a loop hands on what it found": """
def run(a, b, told):
    out = []
    v9 = None
    for v1 in (1, 2, 3):
        v2 = told(v1)
        if v1 == a:
            v3 = v2
            v9 = v3
        v4 = v2 + b
        out.append(v4)
    v5 = v9
    v6 = told(v5)
    return out, v6, v9
""",
    "what is first assigned in one turn of two loops is there behind them": """
def run(a, b, told):
    v0 = 0
    while True:
        v0 += 1
        for v1 in range(3):
            v2 = v1 + a
            if v0 == 1 and v1 == 0:
                v3 = v2
            v4 = v2 * 2
            told(v4)
        if v0 > b:
            break
    v5 = told(v0)
    return v3, v5
""",
    "what not every turn of a loop assigns is there in the next turn": """
def run(a, b, told):
    out = []
    for v1 in range(6):
        if v1 % 2 == 0:
            v2 = told(v1 + a)
        v3 = told(v2 + b)
        v4 = v3 * 2
        told(v4)
        out.append(v4 + v3)
        try:
            v5 = out[a]
        except IndexError:
            told(-1)
        else:
            v6 = told(v5)
            out.append(v6 + v6)
    return out
""",
    "a local has the place of one that was made for it": """
def run(a, b, told):
    v1 = told(a) or None
    if v1 is None and b:
        v1 = told(b)
    v2 = v1
    if v2 is None:
        v2 = told(7)
    v3 = told(b)
    v4 = v3
    if v3 is None or a:
        v4 = told(v4)
    v5 = v4
    v6 = told(v5)
    v7 = v6 if v6 else v6
    v5 = v7
    return v2, v3, v4, v5
""",
    "a local that others see, or that is left for another turn, keeps its place": """
def run(a, b, told):
    v1 = None
    out = []
    for v2 in (a, b, a):
        v3 = told(v2)
        if v3 == 2:
            continue
        v1 = v3
        v4 = told(v1)
        v5 = (lambda: v4)
        v6 = v4
        v6 = told(v6 + 1)
        out.append((v5(), v6))
    return v1, out
""",
    "what is asked again of nothing is asked inside": """
def run(a, b, told):
    v1 = a or None
    if v1 is None and told(b) and told(a + b):
        v1 = told(1) - 1 or None
    if v1 is None:
        v1 = told(2)
    if v1 is None or b:
        told(3)
    if v1 is not None and b:
        told(4)
    if v1 is None:
        told(5)
    return v1
""",
    "other functions see the same names": """
def run(a, b, told):
    v1 = None
    def inner():
        nonlocal v1
        v2 = told(b)
        v1 = v2
        return [v3 for v3 in (v1, a) if v3 != v1]
    v4 = inner()
    v5 = told(a)
    return v4, v1, v5, {v6: v1 for v6 in (a, b)}
""",
    "a parameter keeps its value until it is assigned": """
def run(a, b, told):
    v1 = told(1)
    v2 = told(v1 + 1)
    told(v2)
    told(v2)
    b = b + a
    a = told(b)
    return a, b
""",
}


def ran(function: Any, a: int, b: int) -> tuple[Any, list[Any]]:
    order: list[Any] = []

    def told(value: Any) -> Any:
        order.append(value)
        return value

    return function(a, b, told), order


def made(source: str, *, tidy: bool) -> Any:
    module = ast.parse(source)
    names: dict[str, Any] = {}
    exec(compile(ast.fix_missing_locations(tidied(module) if tidy else module), "<test>", "exec"), names)
    return names["run"]


@pytest.mark.parametrize("name", SOURCES)
def test_functions_do_what_they_did(name: str) -> None:
    before, after = (made(SOURCES[name], tidy=tidy) for tidy in (False, True))
    for a, b in product(range(4), repeat=2):
        assert ran(after, a, b) == ran(before, a, b)
    assert after.__code__.co_nlocals <= before.__code__.co_nlocals


def test_locals_that_follow_each_other_share_a_name() -> None:
    names = [f"v{number}" for number in range(40)]
    lines = "".join(f"    {name} = told(a)\n    told({name} + {name})\n" for name in names)
    source = f"def run(a, b, told):\n{lines}    return b\n"
    assert made(source, tidy=False).__code__.co_nlocals == 43
    assert made(source, tidy=True).__code__.co_nlocals <= 5


def test_copies_of_a_roomy_object_are_equal_and_need_not_grow() -> None:
    start = dict.fromkeys("abcdef")
    found = roomy(start)
    copied = found.copy()
    assert list(found.items()) == list(start.items()) == list(copied.items())
    size = getsizeof(copied)
    copied |= dict.fromkeys("ghijkl")
    assert getsizeof(copied) == size
