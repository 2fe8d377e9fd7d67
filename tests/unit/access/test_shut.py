"""A way that is shut leaves nothing in, whatever its limits would."""

import pytest

from gateway.access import ScopeLimits
from gateway.access.reading.shut import Shut
from gateway.core.errors import Forbidden
from gateway.core.principal import Principal
from gateway.core.resources import Limit, Placement
from gateway.core.types import Resource
from gateway.search import Parameters

WHO = Principal("app", "s1", "org", "researcher", "HRESCH", ("system/*.cruds",))
HEART: Resource = {"resourceType": "Observation", "id": "o", "status": "final"}


@pytest.mark.parametrize("letters", ["c", "r", "u", "d", "s", "rs", ""])
def test_it_is_shut_for_every_letter(parameters: Parameters, letters: str) -> None:
    assert ScopeLimits(parameters).of(WHO, letters) is None
    with pytest.raises(Forbidden, match=r"export\.deidentified-only"):
        Shut(ScopeLimits(parameters)).of(WHO, letters)


@pytest.mark.parametrize("limits", [None, (), (Limit("*"),), (Limit("Observation", "p1"),)])
def test_it_permits_nothing(parameters: Parameters, limits: tuple[Limit, ...] | None) -> None:
    assert Shut(ScopeLimits(parameters)).permits(limits, HEART, Placement(("p1",))) is False
