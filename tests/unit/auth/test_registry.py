"""The life of a registration: every way through it, and nobody who decides on what he or she asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.registry import (
    STEPS,
    Action,
    Registration,
    advanced,
    is_usable,
    of_study_file,
    requested,
    step_of,
)
from gateway.core.errors import Conflict, FhirError, Forbidden, Unprocessable
from gateway.study import Client

AT = "2026-11-22T05:00:00Z"
CLIENT = Client("lake", "clinic", "researcher", "HRESCH", ("system/Observation.rs",))
WAY: tuple[Action, ...] = ("review", "agree", "sandbox", "promote")
ACTIONS = st.sampled_from(("request", *STEPS))
ACTORS = st.sampled_from(("ana", "ben", "Ana ", "BEN"))


def take(registration: Registration, action: Action, actor: str = "ben") -> Registration:
    return advanced(registration, step_of(action, actor, AT, "as asked", "DUA-7" if action == "agree" else ""))


def begun(actor: str = "ana") -> Registration:
    return requested("s1", CLIENT, step_of("request", actor, AT, "a lake of data"))


def after(*actions: Action) -> Registration:
    registration = begun()
    for action in actions:
        registration = take(registration, action)
    return registration


def test_the_way_leads_to_production() -> None:
    assert [after(*WAY[:count]).state for count in range(5)] == [
        "requested",
        "reviewed",
        "agreed",
        "sandbox",
        "production",
    ]


@given(st.booleans(), st.lists(st.tuples(ACTIONS, ACTORS), max_size=12))
def test_no_way_around_the_agreement_and_the_second_pair_of_eyes(
    is_of_file: bool, taken: list[tuple[Action, str]]
) -> None:
    registration = of_study_file("s1", CLIENT) if is_of_file else begun()
    for action, actor in taken:
        before = registration
        try:
            registration = take(registration, action, actor)
        except (Conflict, Forbidden):
            assert registration == before
            continue
        assert registration.steps[:-1] == before.steps
        assert registration.state != before.state
        assert action == "suspend" or is_of_file or registration.steps[-1].actor != "ana"
    actions = [step.action for step in registration.steps]
    since = actions[len(actions) - 1 - actions[::-1].index("suspend") + 1 :] if "suspend" in actions else actions
    if is_usable(registration.state, "dev") and actions:
        assert [action for action in since if action != "request"] == list(WAY[: len(since) - ("request" in since)])
        assert "sandbox" in since
    if "suspend" in actions and not since:
        assert not is_usable(registration.state, "dev")


@pytest.mark.parametrize(
    ("state", "usable"),
    [
        ("requested", ()),
        ("reviewed", ()),
        ("agreed", ()),
        ("sandbox", ("dev", "test")),
        ("production", ("dev", "test", "production")),
        ("suspended", ()),
    ],
)
def test_where_a_state_is_good(state: str, usable: tuple[str, ...]) -> None:
    assert tuple(one for one in ("dev", "test", "production") if is_usable(state, one)) == usable  # type: ignore[arg-type]


def test_who_requested_may_stop_but_not_decide() -> None:
    for actor in ("ana", " ANA", "Ana"):
        with pytest.raises(Forbidden):
            take(begun(), "review", actor)
        assert take(begun(), "suspend", actor).state == "suspended"


@pytest.mark.parametrize("actor", ["", " ", "a\nb", "a b", "x" * 65, "-a", "ána", "\uff41na"])
def test_an_actor_is_a_plain_name(actor: str) -> None:
    with pytest.raises(Unprocessable):
        step_of("review", actor, AT, "why not")


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * 501, "\x1b[2Jgone"])
def test_a_reason_is_a_line(reason: str) -> None:
    with pytest.raises(Unprocessable):
        step_of("review", "ben", AT, reason)


@pytest.mark.parametrize(
    ("action", "agreement"), [("agree", ""), ("agree", " "), ("agree", "a\nb"), ("review", "DUA")]
)
def test_an_agreement_is_named_where_it_is_one(action: Action, agreement: str) -> None:
    with pytest.raises(FhirError) as refused:
        step_of(action, "ben", AT, "signed", agreement)
    assert refused.value.issues[0].rule == "auth.registry-agreement"
