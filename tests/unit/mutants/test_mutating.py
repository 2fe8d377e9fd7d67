"""The small changes of a module, and a changed module in the place of the one that others have imported."""

import ast
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.mutants.mutating import mutants
from tests.mutants.replacing import Loaded, put

SOURCE = '''
from dataclasses import dataclass
from functools import lru_cache

LIMIT = 3
Word: TypeAlias = "str"


@dataclass(frozen=True, slots=True)
class Box:
    """A box."""

    size: int = 2

    def holds(self, count: int) -> bool:
        return count <= self.size and count < LIMIT


@lru_cache
def most(box: Box) -> int:
    """The most."""
    if not box.size:
        raise ValueError("none")
    return box.size
'''


def test_every_change_has_its_place() -> None:
    found = [(one.place.within, one.place.at_import, one.change) for one in mutants(SOURCE)]
    assert found == [
        ("", True, "constant: 3"),
        ("Box", True, "constant: 2"),
        ("Box.holds", False, "return: count <= self.size and count < LIMIT"),
        ("Box.holds", False, "and/or: count <= self.size and count < LIMIT"),
        ("Box.holds", False, "comparison: count <= self.size"),
        ("Box.holds", False, "comparison: count < LIMIT"),
        ("most", False, "condition: not box.size"),
        ("most", False, "left out: raise ValueError('none')"),
        ("most", False, "not: not box.size"),
        ("most", False, "constant: 'none'"),
        ("most", False, "return: box.size"),
    ]


@pytest.fixture
def imported(tmp_path: Path) -> Iterator[tuple[Any, Any]]:
    """The module, and one that has imported from it."""
    using = "from gateway.mutated import LIMIT as BOUND, Box, most\n\nBOX = Box()\n"
    made = []
    for name, source in (("mutated", SOURCE), ("mutated_user", using)):
        file = tmp_path / f"{name}.py"
        file.write_text(textwrap.dedent(source).replace("Word: TypeAlias", "Word"))
        module = ModuleType(f"gateway.{name}")
        module.__file__ = str(file)
        sys.modules[module.__name__] = module
        exec(compile(file.read_text(), str(file), "exec"), vars(module))
        made.append(module)
    yield made[0], made[1]
    for module in made:
        del sys.modules[module.__name__]


def changed(module: Any, old: str, new: str) -> ast.Module:
    source = Path(module.__file__).read_text()
    assert old in source
    return ast.parse(source.replace(old, new))


def loaded(*modules: ModuleType) -> Loaded:
    """What `Loaded()` finds of these modules; to read all of the product takes a second."""
    return Loaded({module.__name__: module for module in modules})


def test_a_module_as_it_is_changes_nothing(imported: tuple[Any, Any]) -> None:
    module, user = imported
    put(module.__name__, changed(module, "LIMIT = 3", "LIMIT = 3"), loaded(module, user))
    assert (user.BOUND, user.most(user.BOX), user.BOX.holds(2), user.Box) == (3, 2, True, module.Box)
    assert isinstance(user.BOX, module.Box)


@pytest.mark.parametrize(
    ("old", "new", "seen"),
    [
        ("LIMIT = 3", "LIMIT = 2", (2, 2, False)),
        ("size: int = 2", "size: int = 9", (3, 2, True)),
        ("count < LIMIT", "count > LIMIT", (3, 2, False)),
        ("return box.size", "return None", (3, None, True)),
    ],
)
def test_who_imported_something_has_what_was_changed(
    imported: tuple[Any, Any], old: str, new: str, seen: tuple[Any, ...]
) -> None:
    module, user = imported
    assert user.most(user.BOX) == 2
    put(module.__name__, changed(module, old, new), loaded(module, user))
    assert (user.BOUND, user.most(user.BOX), user.BOX.holds(2)) == seen
    assert user.Box().size == (9 if "= 9" in new else 2)
