"""Creates of several doors committed together: each is decided as if it came alone."""

from dataclasses import replace

from gateway.access import Access, ScopeLimits, Write
from gateway.core.errors import Forbidden
from gateway.definitions import r4
from gateway.search import Parameters
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation


def test_each_is_decided_by_its_own_door(world: World) -> None:
    study = world.study
    seeing, hidden = study.roles["site-app"], replace(study.roles["site-app"], redacts=("identity",))
    parameters = ScopeLimits(Parameters(r4()))
    roles = {**study.roles, "site-app": seeing, "data-manager": hidden}
    access = Access(world.store, world.trail, {study.id: replace(study, roles=roles)}, lambda: world.now, parameters)
    writer = study.principal(study.clients["site-app"])
    may = access.door(writer, request="r1")
    blind = access.door(replace(writer, role="data-manager"), request="r2")
    asked = [{**observation(world.person("101-001")), "id": f"together-{number}"} for number in range(3)]
    begun = [
        door.begin_transact(lambda _find, one=one: [Write(one, if_match=0)], "create", action="C")
        for door, one in zip((may, blind, may), asked, strict=True)
    ]
    first, refused, last = access.commit_together(begun)
    assert isinstance(refused, Forbidden)
    assert refused.issues[0].rule == "consent.redacted-write"
    assert not isinstance(first, BaseException)
    assert not isinstance(last, BaseException)
    assert [event.outcome for event in world.events() if event.operation == "create"].count("success") == 2
