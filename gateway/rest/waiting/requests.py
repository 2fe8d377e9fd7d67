"""The requests of every client: kept, asked about, forgotten."""

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import msgspec

from gateway.auth.scopes import narrowed
from gateway.auth.tokens import ClientOf
from gateway.core.clock import Clock
from gateway.core.codec import dumps, loads
from gateway.core.errors import Forbidden, NotFound, TooManyRequests
from gateway.core.export_job import ExportJob
from gateway.core.issues import issue
from gateway.core.principal import Principal
from gateway.rest.waiting.port import RequestStore
from gateway.study import Study

RUNNING_LIMIT: Final = 10
"""Requests that a client may have waiting in a study, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came: `path` and `query` of its address, the headers that matter, who asked.

    `reads` says that it changes nothing, so that it may be done again.
    """

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    who: Principal
    reads: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request, and how Consents stood before it was done; "" where it shows no resource."""

    standing: str
    status: int
    headers: dict[str, str]
    body: bytes

    def without_resources(self) -> "Answer":
        """The same, with nothing in it but what became of each entry."""
        return replace(self, standing="", body=_bare(self.body))


def _bare(body: bytes) -> bytes:
    tree = loads(body) if body else None
    if not isinstance(tree, dict) or tree.get("resourceType") not in ("Bundle", "OperationOutcome"):
        return b""
    if tree["resourceType"] == "OperationOutcome":
        return body
    told = [{"response": entry["response"]} for entry in tree.get("entry", ()) if "response" in entry]
    return dumps({"resourceType": "Bundle", "type": tree.get("type")} | ({"entry": told} if told else {}))


asked_of = msgspec.msgpack.Decoder(Asked).decode
answer_of = msgspec.msgpack.Decoder(Answer).decode
encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Requests:
    """Every request that is answered later; `keep` is how long an answer stays, `waiting` is set when work comes.

    `client_of` tells which clients may be used now, `limit` is how many a client may have waiting in a study; `scrub`
    has answers that were taken away leave the database's files too.
    """

    store: RequestStore
    studies: Mapping[str, Study]
    client_of: ClientOf
    clock: Clock
    keep: timedelta
    waiting: threading.Event
    scrub: Callable[[], None]
    limit: int = RUNNING_LIMIT

    def start(self, asked: Asked) -> ExportJob:
        """A new request, durable; raises `TooManyRequests` when the client has too many waiting."""
        who, now = asked.who, self.clock()
        identity = secrets.token_hex(16)
        job = ExportJob(who.study, identity, who.client, "running", now, now + self.keep, encode(asked))
        if not self.store.add(job, self.limit):
            raise TooManyRequests(issue("rest.later-running", limit=self.limit))
        self.waiting.set()
        return job

    def job(self, who: Principal, identity: str) -> ExportJob:
        """The caller's own request; raises `NotFound` for any other, and when it has expired."""
        job = self.store.job(who.study, identity)
        if job is None or job.client != who.client or job.expires <= self.clock():
            raise NotFound(issue("rest.later-unknown"))
        asked = asked_of(job.request).who
        if not set(asked.scopes) <= set(who.scopes) or (asked.patient, asked.user) != (who.patient, who.user):
            raise Forbidden(issue("rest.later-scopes"))
        return job

    def answer(self, job: ExportJob) -> Answer | None:
        """What became of a request, None while it is being done: also where it has to be done again, as what
        Consents permit has changed since."""
        if job.status == "running":
            return None
        answer = answer_of(job.state) if job.state else None
        if answer is None or not self._stands(job, answer):
            return self._renewed(job, answer)
        return answer

    def _stands(self, job: ExportJob, answer: Answer) -> bool:
        return not answer.standing or answer.standing == self.store.standing(job.study, self.clock())

    def _renewed(self, job: ExportJob, answer: Answer | None) -> Answer | None:
        if answer is None or asked_of(job.request).reads:
            self.store.replace(job.study, job.id, "running", b"")
            self.scrub()
            self.waiting.set()
            return None
        bare = answer.without_resources()
        self.store.replace(job.study, job.id, "done", encode(bare))
        self.scrub()
        return bare

    def remove(self, job: ExportJob) -> None:
        """Forgets a request and its answer; one that is being done ends without either."""
        self.store.remove(job.study, job.id)

    def principal_of(self, asked: Asked) -> Principal:
        """Who asked, as far as the client's rights still go; raises `Forbidden` when it may not be used."""
        who = asked.who
        study = self.studies.get(who.study)
        client = self.client_of(who.study, who.client)
        if study is None or client is None:
            raise Forbidden(issue("auth.client-unknown"))
        registered = study.principal(client)
        return replace(registered, scopes=narrowed(who.scopes, registered.scopes), token=who.token,
                       patient=who.patient, user=who.user)  # fmt: skip

    def tend(self, now: datetime) -> None:
        """Forgets what has expired, and takes the resources out of answers that Consents have made old."""
        jobs = [job for study in self.studies for job in self.store.jobs(study)]
        for job in jobs:
            if job.expires <= now:
                self.remove(job)
        old = [job for job in jobs if job.expires > now and self._is_old(job)]
        for job in old:
            reads = asked_of(job.request).reads
            state = b"" if reads else encode(answer_of(job.state).without_resources())
            self.store.replace(job.study, job.id, "done", state)
        if old:
            self.scrub()

    def _is_old(self, job: ExportJob) -> bool:
        return job.status == "done" and job.state != b"" and not self._stands(job, answer_of(job.state))

    def answered(self, job: ExportJob, answer: Answer) -> ExportJob:
        """The request with its answer; of one that wrote, what was sent is not kept any longer."""
        asked, now = asked_of(job.request), self.clock()
        state = encode(answer)
        request = job.request if asked.reads else encode(replace(asked, body=b""))
        return replace(job, status="done", expires=now + self.keep, request=request, state=state)
