"""The clients of all studies: those of the study files and those that were registered, as far as they may be used.

What the registry keeps of a client goes before the study file, which alone means production: a client of the file can
be suspended here, and one that was requested does not become usable because somebody wrote it into the file.
"""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

import msgspec

from gateway.auth.registry import Action, Registration, Step, advanced, is_usable, of_study_file, requested, step_of
from gateway.auth.registry_form import check_client
from gateway.core.clock import Clock
from gateway.core.errors import Conflict, FhirError, NotFound
from gateway.core.event import Event
from gateway.core.instants import format_instant
from gateway.core.issues import issue
from gateway.study import Client, Study

KEPT_SECONDS: Final = 5
"""How long a process goes on by what it has read: a suspension reaches every process in this time."""


class RegistryStore(Protocol):
    """What is kept of registrations."""

    def put(self, study: str, id: str, steps: int, body: bytes, event: Event) -> bool:
        """Keeps a registration of so many steps, and the audit event of the last one, both or neither.

        False, and nothing is kept, when what is there does not have one step less.
        """

    def all(self, study: str) -> list[bytes]:
        """Every registration of a study, by id."""


class ClientRegistry:
    """The registrations of all studies; `record` makes an audit event durable, `environment` says where this runs."""

    def __init__(
        self,
        store: RegistryStore,
        studies: Mapping[str, Study],
        record: Callable[[Event], None],
        clock: Clock,
        environment: str,
    ) -> None:
        self._store = store
        self._studies = studies
        self._record = record
        self._clock = clock
        self._environment = environment
        self._known: dict[str, tuple[float, list[bytes], dict[str, Registration]]] = {}

    def request(self, study: str, client: Client, actor: str, reason: str) -> Registration:
        """Begins a registration.

        Raises `Unprocessable` for a client that the study cannot have, `Conflict` when it has one of this id.
        """
        step = step_of("request", actor, format_instant(self._clock()), reason)
        found = self._study(study)
        check_client(found, client)
        if client.id in found.clients:
            raise Conflict(issue("auth.registry-known"))
        made = requested(study, client, step)
        if not self._keep(made, step):
            raise Conflict(issue("auth.registry-known"))
        return made

    def step(self, study: str, id: str, action: Action, actor: str, reason: str, agreement: str = "") -> Registration:
        """Takes a step with a registration; one that is refused is audited as well.

        Raises `NotFound` for a client that is none, `Conflict` when the step does not follow or somebody else took
        one in the same moment, `Forbidden` when who asked for the client decides on it.
        """
        step = step_of(action, actor, format_instant(self._clock()), reason, agreement)
        registration = self.one(study, id)
        try:
            made = advanced(registration, step)
        except FhirError as error:
            self._record(self._event(registration, step, error.issues[0].rule))
            raise
        if not self._keep(made, step):
            raise Conflict(issue("auth.registry-race"))
        return made

    def one(self, study: str, id: str) -> Registration:
        """The registration of a client, as it is kept now; raises `NotFound`."""
        for registration in self.all(study):
            if registration.id == id:
                return registration
        raise NotFound(issue("auth.registry-unknown"))

    def all(self, study: str) -> list[Registration]:
        """Every registration as it is kept now, those of the study file first."""
        found = self._study(study)
        filed = {name: of_study_file(study, client) for name, client in found.clients.items()}
        return list((filed | {one.id: one for one in map(_decoded, self._store.all(study))}).values())

    def registered(self, study: str, id: str) -> Client:
        """The client of this id, whatever state it is in; raises `NotFound`."""
        client = self._study(study).clients.get(id) or self.one(study, id).client
        if client is None:  # once of the study file, which has lost it
            raise NotFound(issue("auth.registry-unknown"))
        return client

    def client_of(self, study: str, id: str) -> Client | None:
        """The client of this id that may be used here, None when there is none; see `ClientOf`.

        Raises `Unavailable` when the registry cannot be read.
        """
        found = self._studies.get(study)
        if found is None:
            return None
        kept = self._kept(study).get(id)
        if kept is None:
            return found.clients.get(id)
        if not is_usable(kept.state, self._environment):
            return None
        return found.clients.get(id, kept.client)

    def _kept(self, study: str) -> dict[str, Registration]:
        now = self._clock().timestamp()
        known = self._known.get(study)
        if known and 0 <= now - known[0] < KEPT_SECONDS:
            return known[2]
        bodies = self._store.all(study)
        if known is None or known[1] != bodies:
            known = (now, bodies, {one.id: one for one in map(_decoded, bodies)})
        self._known[study] = (now, known[1], known[2])
        return known[2]

    def _keep(self, registration: Registration, step: Step) -> bool:
        event, body = self._event(registration, step), msgspec.json.encode(registration)
        try:
            return self._store.put(registration.study, registration.id, len(registration.steps), body, event)
        finally:
            self._known.pop(registration.study, None)

    def _event(self, registration: Registration, step: Step, refusal: str = "") -> Event:
        return Event(
            at=self._clock(),
            study=registration.study,
            action="C" if step.action == "request" else "U",
            operation=f"client-{step.action}",
            outcome="denied" if refusal else "success",
            client=step.actor,
            organisation=registration.organisation,
            role="operator",
            purpose="",
            reason=refusal,
            targets=(f"client:{registration.id}",),
            why=f"{step.reason} ({step.agreement})" if step.agreement else step.reason,
        )

    def _study(self, study: str) -> Study:
        if study not in self._studies:
            raise NotFound(issue("auth.registry-study"))
        return self._studies[study]


def _decoded(body: bytes) -> Registration:
    return msgspec.json.decode(body, type=Registration)
