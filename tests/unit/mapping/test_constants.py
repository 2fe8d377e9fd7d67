"""Literals where usually paths stand: the generated functions are without warnings, and do as the explaining walk."""

import warnings
from pathlib import Path

import pytest

from tests.unit.mapping.files import compiled, emit, facts

FORMULAS = [
    "name & '' = id",
    "'' & name = id",
    "'' & '' = name",
    "('' & name & '').exists()",
    "id = '' & name & ''",
    "'a' = name",
    "'a' != name",
    "'a' = 'a'",
    "1 = n",
    "n = 1 + 1",
    "1 + n > 1",
    "'a'.exists() and name.exists()",
    "'a'.empty() or name.exists()",
    "iif('a' = name, 'b', '' & id) = 'b'",
    "coalesce('' & name, 'a') = id",
    "name & 'x' & '' = 'ax'",
    "true = name.exists()",
    "true",
    "'a' in ('a' | name)",
    "name in ('a' | 'b')",
    "'a' in ('a' | 'b')",
    "(name & '').length() > 0",
    "'ab'.startsWith(name)",
]
POINTS = [
    {"id": "a", "name": "a", "n": 1},
    {"id": "ax"},
    {"id": "b", "name": "", "n": 2},
    {"id": "c", "name": ["a", "b"]},
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_literals_make_no_warning(formula: str, tmp_path: Path) -> None:
    text = emit(f"bodySite: {{when: \"={formula}\", text: \"='<' & name & ''\"}}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mapping = compiled(tmp_path, text)
        assert mapping.fast is not None
        assert mapping.fast.record is not None
        assert mapping.fast.record.general() is not None
    fast, explained = (mapping.apply({"points": POINTS}, facts(), trace=trace) for trace in (False, True))
    assert (fast.units, fast.issues) == (explained.units, explained.issues)
