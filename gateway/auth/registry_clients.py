"""The clients of all studies: those of the study files and those that were registered, as far as they may be used.

What the registry keeps of a client goes before the study file, which alone means production: a client of the file can
be suspended here, and one that was requested does not become usable because somebody wrote it into the file.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any, Final, Protocol, TypeAlias

import msgspec

from gateway.auth.registry import Action, Registration, Step, advanced, is_usable, of_study_file, requested, step_of
from gateway.auth.registry_form import check_client, is_id
from gateway.core.clock import Clock
from gateway.core.errors import Conflict, FhirError, NotFound, Unprocessable
from gateway.core.event import Event
from gateway.core.instants import format_instant
from gateway.core.issues import issue
from gateway.study import Client, Study

KEPT_SECONDS: Final = 5
"""How long a process goes on by what it has read: a suspension reaches every process in this time."""

_Known: TypeAlias = tuple[float, list[bytes], dict[str, Client]]
"""Until when a study's clients are known, what was kept of them, and those that may be used here."""


class RegistryStore(Protocol):
    """What is kept of registrations."""

    def put(self, study: str, id: str, steps: int, body: bytes, event: Event) -> bool:
        """Keeps a registration of so many steps, and the audit event of the last one, both or neither.

        False, and nothing is kept, when what is there does not have one step less.
        """

    def all(self, study: str) -> list[bytes]:
        """Every registration of a study, by id."""


class ClientRegistry:
    """The registrations of all studies; `record` makes an audit event durable, `environment` says where this runs,
    `seconds` how time goes by."""

    def __init__(
        self,
        store: RegistryStore,
        studies: Mapping[str, Study],
        record: Callable[[Event], None],
        clock: Clock,
        environment: str,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._studies = studies
        self._record = record
        self._clock = clock
        self._environment = environment
        self._seconds = seconds
        self._known: dict[str, _Known] = {}

    def request(self, study: str, client: Client, actor: str, reason: str) -> Registration:
        """Begins a registration; one that is refused is audited as well.

        Raises `Unprocessable` for a client that the study cannot have, `Conflict` when it has one of this id.
        """
        step = step_of("request", actor, format_instant(self._clock()), reason)
        found = self._study(study)
        made = requested(study, client, step)
        try:
            check_client(found, client)
            if client.id in found.clients or not self._keep(made, step):
                raise Conflict(issue("auth.registry-known"))
        except (Conflict, Unprocessable) as error:
            known = client.organisation if client.organisation in found.organisations else ""
            named = replace(made, id=client.id if is_id(client.id) else "", organisation=known)
            self._record(self._event(named, step, error.issues[0].rule))
            raise
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

    def told(self, registration: Registration) -> dict[str, Any]:
        """State and definition of a client, without the digest of its secret; of one that the study file has lost,
        what is kept."""
        filed = self._study(registration.study).clients.get(registration.id)
        client = filed or registration.client
        told = {"id": registration.id, "state": registration.state, "organisation": registration.organisation}
        told |= {"registered": "study file" if filed else "request"}
        parts = asdict(client) if client else {}
        return told | {name: value for name, value in parts.items() if name != "secret_sha256"}

    def client_of(self, study: str, id: str) -> Client | None:
        """The client of this id that may be used here, None when there is none; see `ClientOf`.

        Raises `Unavailable` when the registry cannot be read.
        """
        known = self._known.get(study)
        if known is None or self._seconds() >= known[0]:
            if study not in self._studies:
                return None
            known = self._known[study] = self._read(study, known)
        return known[2].get(id)

    def _read(self, study: str, known: _Known | None) -> _Known:
        """The clients that may be used here, as they are kept now, good for some seconds; the same ones where nothing
        changed."""
        until, bodies = self._seconds() + KEPT_SECONDS, self._store.all(study)
        if known is not None and known[1] == bodies:
            return until, bodies, known[2]
        found = dict(self._studies[study].clients)
        for one in map(_decoded, bodies):
            client = found.pop(one.id, one.client)
            if client is not None and is_usable(one.state, self._environment):
                found[one.id] = client
        return until, bodies, found

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
            targets=(f"client:{registration.id}",) if registration.id else (),
            why=f"{step.reason} ({step.agreement})" if step.agreement else step.reason,
        )

    def _study(self, study: str) -> Study:
        if study not in self._studies:
            raise NotFound(issue("auth.registry-study"))
        return self._studies[study]


def _decoded(body: bytes) -> Registration:
    return msgspec.json.decode(body, type=Registration)
