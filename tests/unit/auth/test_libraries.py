"""Threat 33: a library older than its floor, or without its safe backend, stops the start."""

import re
import tomllib
from pathlib import Path

import pytest

from gateway.auth.libraries import FLOORS, check_libraries, installed, is_as_new
from gateway.core.errors import Unavailable

PROJECT = Path(__file__).parents[3] / "pyproject.toml"


def test_threat_33_what_is_installed_may_start() -> None:
    check_libraries()
    assert installed("no-such-distribution") == ""


@pytest.mark.parametrize(
    ("name", "found"), [("python-jose", "3.3.0"), ("cryptography", ""), ("starlette", "0.49"), ("h11", "0.16.0rc1")]
)
def test_threat_33_an_old_or_missing_library_stops_the_start(name: str, found: str) -> None:
    with pytest.raises(Unavailable) as caught:
        check_libraries(FLOORS, lambda one: found if one == name else installed(one))
    [fault] = caught.value.issues
    assert fault.rule == "auth.library"
    assert name in fault.message


def test_each_fault_is_named() -> None:
    with pytest.raises(Unavailable) as caught:
        check_libraries({"b": "1", "a": "1"}, lambda _name: "0.9")
    assert [fault.rule for fault in caught.value.issues] == ["auth.library"] * 2
    assert "library a is 0.9" in caught.value.issues[0].message


@pytest.mark.parametrize(
    ("found", "floor", "expected"),
    [
        ("3.4.0", "3.4", True),
        ("3.4", "3.4.0", True),
        ("3.4.0.post1", "3.4.0", True),
        ("3.4.0+local", "3.4.0", True),
        ("3.10", "3.9", True),
        ("3.5.0rc1", "3.4.0", True),
        ("3.4.0rc1", "3.4.0", False),
        ("3.4.0.dev1", "3.4.0", False),
        ("3.3.9", "3.4.0", False),
        ("", "0", False),
        ("unknown", "0", False),
    ],
)
def test_versions_are_compared_as_numbers(found: str, floor: str, *, expected: bool) -> None:
    assert is_as_new(found, floor) is expected


def test_what_is_installed_with_the_product_is_new_enough() -> None:
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    asked = {}
    for line in project["dependencies"]:
        name, _, bound = re.sub(r"\[.*?\]", "", line).partition(">=")
        asked[name.lower()] = bound
    assert {name: is_as_new(asked.get(name, ""), floor) for name, floor in FLOORS.items()} == dict.fromkeys(
        FLOORS, True
    )
