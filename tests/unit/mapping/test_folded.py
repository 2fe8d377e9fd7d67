"""Statements told again for what is known of their locals, and what is taken out of a loop, give what they gave."""

import ast
from collections.abc import Callable
from itertools import count, product
from typing import Any, Final

import pytest

from gateway.mapping.fast.folded import Fact, Folding, StrangeError
from gateway.mapping.fast.hoisted import hoisted

VALUES: Final = (None, False, True, "", "x", "y", 0, 2)

FACTS: Final = {
    "anything": lambda _: True,
    "there": lambda value: value is not None,
    "true": bool,
    "false": lambda value: not value,
    "False": lambda value: value is False,
    "x": lambda value: value == "x",
}
KNOWN: Final = {
    "anything": None,
    "there": Fact.THERE,
    "true": Fact.TRUE,
    "false": Fact.FALSE,
    "False": ast.Constant(False),
    "x": ast.Constant("x"),
}

SOURCES: Final = {
    "tests of what is known": """
if a:
    told(1)
elif a is None:
    told(2)
else:
    told(3)
if not a or b:
    told(4)
if a is False:
    told(5)
if a and b is not None and a is not None:
    told(6)
""",
    "values of what is known": """
v1 = a or b
v2 = a and b
v3 = b if a else None
v4 = f"{a or ''}{b or ''}{'-'}" if a or b else b or ''
v5 = a is None or b is None
v6 = not a
told((v1, v2, v3, v4, v5, v6))
""",
    "what the branches of a test know is known behind them where they agree": """
v1 = None
if b:
    v1 = a
else:
    v1 = a
if v1:
    told(v1)
if b is not None:
    v2 = 'x'
else:
    v2 = 'y'
told(v2 if v2 == 'x' and b is not None else b)
""",
    "one that is left knows the rest of the others": """
for v1 in (a, b):
    if v1 is None:
        told(0)
        continue
    told(v1 is None)
    if not v1:
        break
    told(v1 or told(7))
""",
    "another local with the same value, until one of them changes": """
v1 = a
v2 = v1
v1 = b
told(v2)
told(v1)
a = told(b)
told(v2)
v3 = v1 if v1 is not None else a
if v3:
    told(v3)
""",
    "loops come again to what they assign": """
v1 = None
v2 = 0
while v2 < 3:
    v2 += 1
    if v1 is None:
        told(v2)
    v1 = a
told(v1)
while True:
    if a:
        told(v1)
        break
    told(v2)
    break
""",
    "logic of three values": """
v1 = a if a.__class__ is bool else None if a is None else True
if v1 is False:
    v2 = False
else:
    v3 = b if b.__class__ is bool else None if b is None else True
    v2 = v3 if v1 is True else False if v3 is False else None
told(v2)
if a is False:
    v4 = False
else:
    v4 = told(b)
if v4:
    told(v4)
else:
    v5 = None
""",
    "objects and calls are told again as they are": """
v1 = {'a': a, 'b': [b, (a, b)]}
v1['c'] = told(a or b)
v1 |= {'d': -2}
v2, v3 = a, v1.get('c')
told([v1, v2, v3, 'abc'[0:2]])
if a is None or told(b):
    told(v2)
""",
}


def ready(block: list[ast.stmt]) -> Callable[[Any, Any], list[Any]]:
    """What a block tells of two values, in its order."""
    module = ast.fix_missing_locations(ast.Module(body=block, type_ignores=[]))
    code = compile(module, "<test>", "exec")

    def run(a: Any, b: Any) -> list[Any]:
        order: list[Any] = []

        def told(value: Any) -> Any:
            order.append(repr(value))
            return value

        exec(code, {"a": a, "b": b, "told": told})
        return order

    return run


@pytest.mark.parametrize("fact", FACTS)
@pytest.mark.parametrize("name", SOURCES)
def test_statements_do_what_they_did_where_what_is_known_holds(name: str, fact: str) -> None:
    block, known, numbers = ast.parse(SOURCES[name]).body, KNOWN[fact], count()
    before = [ast.dump(one) for one in block]
    again = Folding({} if known is None else {"a": known}, lambda: f"w{next(numbers)}").block(block)
    first, second = ready(block), ready(again)
    for a, b in product(filter(FACTS[fact], VALUES), VALUES):
        assert second(a, b) == first(a, b)
    assert [ast.dump(one) for one in block] == before


def test_what_cannot_happen_is_left_out() -> None:
    block = ast.parse("v1 = b if a else None\nif v1:\n    told(v1)\nif a is None or not b:\n    told(2)\n").body
    again = Folding({"a": Fact.TRUE, "b": Fact.TRUE}, iter(("w1",)).__next__).block(block)
    assert [ast.unparse(ast.fix_missing_locations(one)) for one in again] == ["w1 = b", "told(b)"]


@pytest.mark.parametrize(
    "source",
    ["def f():\n    pass", "v1 = [v2 for v2 in a]", "try:\n    a\nfinally:\n    b", "a.b = 1 if (c := b) else 2"],
)
def test_what_is_not_known_to_be_the_same_again_is_not_told(source: str) -> None:
    with pytest.raises(StrangeError):
        Folding({}, lambda: "w1").block(ast.parse(source).body)


LOOP: Final = """
v1 = a is None
v2 = v1 or b
v3 = item is None
v4 = b
told(v2)
v5 = told(a) is None
v6 = not v4
v4 = item
if v1:
    v7 = a
v8 = row or a
"""


def test_what_is_the_same_in_all_turns_is_taken_out_of_the_loop() -> None:
    loop = ast.parse(LOOP).body
    before = hoisted(loop, {"item", "row"})
    assert [ast.unparse(one) for one in before] == ["v1 = a is None", "v2 = v1 or b"]
    assert ast.unparse(loop[0]) == "v3 = item is None"
    head = ast.parse("item, row = 'i', b").body
    first, second = ready([*head, *ast.parse(LOOP).body]), ready([*head, *before, *loop])
    for a, b in product(VALUES, VALUES):
        assert second(a, b) == first(a, b)
