"""Doors of who may write everything, with or without enrolling, and what refuses them."""

from typing import Any, Final

import pytest

from gateway.access import Door
from gateway.core.errors import FhirError
from gateway.core.issues import Issue
from gateway.study.parts import Role
from tests.unit.access.conftest import World

EVERY: Final = ("system/*.cruds",)
WRITER: Final = Role("writer", EVERY)
ENROLLING: Final = Role("enrolling", EVERY, enrols=True)


def door(world: World, role: Role = WRITER, **changes: Any) -> Door:
    """A door of a client of that role."""
    access, principal = world.acting(role, **changes)
    return access.door(principal)


def refusal(error: type[FhirError], one: Door, *changes: Any) -> Issue:
    """Why a unit of changes is not written."""
    with pytest.raises(error) as refused:
        one.commit(list(changes))
    return refused.value.issues[0]
