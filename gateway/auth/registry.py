"""The life of a client's registration: request, review, agreement, sandbox, production, and its suspension.

Pure: what a step makes of a registration, and where a client in some state may be used. Who asked for a client does
not decide on it; anybody may stop one. After a suspension, which is also how a request is turned down, the way leads
through every step from the review on, so that no state is reached without an agreement.
"""

import re
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from gateway.core.errors import Conflict, Forbidden, Unprocessable
from gateway.core.issues import issue
from gateway.study import Client

State: TypeAlias = Literal["requested", "reviewed", "agreed", "sandbox", "production", "suspended"]
Action: TypeAlias = Literal["request", "review", "agree", "sandbox", "promote", "suspend"]

STEPS: Final[dict[Action, tuple[tuple[State, ...], State]]] = {
    "review": (("requested", "suspended"), "reviewed"),
    "agree": (("reviewed",), "agreed"),
    "sandbox": (("agreed",), "sandbox"),
    "promote": (("sandbox",), "production"),
    "suspend": (("requested", "reviewed", "agreed", "sandbox", "production"), "suspended"),
}
"""Action -> the states that it may follow, and the one that it leads to."""

MAX_REASON: Final = 500
_ACTOR: Final = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}\Z")


@dataclass(frozen=True, slots=True)
class Step:
    """That somebody took a step and why; `at` is an instant, `agreement` the name of the signed one or ""."""

    action: Action
    actor: str
    at: str
    reason: str
    agreement: str = ""


@dataclass(frozen=True, slots=True)
class Registration:
    """A client and how far its registration has come; `client` is None for one of the study file."""

    study: str
    id: str
    organisation: str
    state: State
    steps: tuple[Step, ...]
    client: Client | None = None

    @property
    def requester(self) -> str:
        """Who asked for the client; "" for one of the study file."""
        return next((step.actor for step in self.steps if step.action == "request"), "")


def step_of(action: Action, actor: str, at: str, reason: str, agreement: str = "") -> Step:
    """A step as it is kept: the actor in small letters, blanks at the ends gone.

    Raises `Unprocessable` for an actor that is no plain name, and without a reason or, to agree, an agreement.
    """
    name, reason, agreement = actor.strip().lower(), reason.strip(), agreement.strip()
    if not _ACTOR.match(name):
        raise Unprocessable(issue("auth.registry-actor"))
    if not _is_line(reason):
        raise Unprocessable(issue("auth.registry-reason", limit=MAX_REASON))
    if bool(agreement) != (action == "agree") or (agreement and not _is_line(agreement)):
        raise Unprocessable(issue("auth.registry-agreement"))
    return Step(action, name, at, reason, agreement)


def requested(study: str, client: Client, step: Step) -> Registration:
    """The registration that a request begins."""
    return Registration(study, client.id, client.organisation, "requested", (step,), client)


def of_study_file(study: str, client: Client) -> Registration:
    """The registration of a client of the study file, of which nothing is kept yet: it is in production."""
    return Registration(study, client.id, client.organisation, "production", ())


def advanced(registration: Registration, step: Step) -> Registration:
    """The registration after a step.

    Raises `Conflict` when it does not follow the state, `Forbidden` when who asked for the client decides on it.
    """
    allowed, state = STEPS.get(step.action, ((), registration.state))
    if registration.state not in allowed:
        raise Conflict(issue("auth.registry-state", state=registration.state, action=step.action))
    if step.action != "suspend" and step.actor == registration.requester:
        raise Forbidden(issue("auth.registry-own"))
    return replace(registration, state=state, steps=(*registration.steps, step))


def is_usable(state: State, environment: str) -> bool:
    """Whether a client may get and use tokens: in production where that is, elsewhere in the sandbox as well."""
    return state == "production" or (state == "sandbox" and environment != "production")


def _is_line(text: str) -> bool:
    return 0 < len(text) <= MAX_REASON and text.isprintable()
