"""The work on one request: it goes the way that it would have gone at once, as who asked it.

A request that writes is done once: where a process died over it, nobody can tell whether it was, and the answer says
so.
"""

import asyncio
import secrets
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.types import ASGIApp

from gateway.core.errors import FhirError, Forbidden
from gateway.core.export_job import ExportJob
from gateway.core.issues import issue
from gateway.core.logs import logger
from gateway.rest.bundling import Reply, reply_of
from gateway.rest.clients.gate import KNOWN_CALLER
from gateway.rest.layers.edge import REQUEST_ID
from gateway.rest.messages.problems import FHIR_JSON, Internal, refusal
from gateway.rest.waiting.requests import Answer, Asked, Requests, asked_of

LEASE_SECONDS: Final = 900.0
LOOK_SECONDS: Final = 5.0
"""How often a process looks for requests that another left, that expire, or that Consents made old."""

KEPT_HEADERS: Final[tuple[str, ...]] = ("content-type", "etag", "location")
MOST_ATTEMPTS: Final = 3
"""How often a request that only reads is begun."""


@dataclass(frozen=True, slots=True)
class Doer:
    """Does requests with `app`, the application inside its outermost layers; `owner` is the application itself."""

    requests: Requests
    app: ASGIApp
    owner: Any
    name: str = field(default_factory=lambda: secrets.token_hex(8))

    def work(self, is_over: Callable[[], bool] = lambda: False) -> bool:
        """Does one request that waits; False when none does, or the process ends."""
        requests = self.requests
        for study in requests.studies:
            job = None if is_over() else requests.store.lease(study, self.name, requests.clock(), LEASE_SECONDS)
            if job is not None:
                self._do(job)
                return True
        return False

    def _do(self, job: ExportJob) -> None:
        requests, asked = self.requests, asked_of(job.request)
        standing = requests.store.standing(job.study, requests.clock())
        if job.attempts >= (MOST_ATTEMPTS if asked.reads else 1):
            reply = _told(Internal(issue("rest.later-interrupted")))
        else:
            try:
                reply = asyncio.run(self._reply(job, asked))
            except Forbidden as error:
                reply = _told(error)
        kept = {name: reply.headers[name] for name in KEPT_HEADERS if name in reply.headers}
        done = requests.answered(job, Answer(standing, reply.status, kept, reply.body))
        requests.store.save(done, self.name, requests.clock(), 0)

    async def _reply(self, job: ExportJob, asked: Asked) -> Reply:
        headers = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in asked.headers]
        headers.append((b"content-length", str(len(asked.body)).encode()))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "root_path": "",
            "client": None,
            "server": None,
            "app": self.owner,
            "method": asked.method,
            "path": asked.path,
            "raw_path": asked.path.encode(),
            "query_string": asked.query.encode("latin-1"),
            "headers": headers,
            REQUEST_ID: job.id,
            KNOWN_CALLER: self.requests.principal_of(asked),
        }
        return await reply_of(self.app, scope, asked.body)


@asynccontextmanager
async def doing(doer: Doer) -> AsyncIterator[None]:
    """While it lasts, a thread does requests as they come, and tends to what was done."""
    stopping, waiting = threading.Event(), doer.requests.waiting

    def until_stopped() -> None:
        while not stopping.is_set():
            waiting.clear()
            try:
                while doer.work(stopping.is_set):
                    pass
                if not stopping.is_set():
                    doer.requests.tend(doer.requests.clock())
            except Exception as error:  # one request must not end the work on all others
                logger().warning("request interrupted", exc_info=error)
            waiting.wait(0 if stopping.is_set() else LOOK_SECONDS)

    thread = threading.Thread(target=until_stopped, name="requests")
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        waiting.set()
        await asyncio.to_thread(thread.join)


def _told(error: FhirError) -> Reply:
    answer = refusal(error)
    return Reply(answer.status_code, {"content-type": FHIR_JSON}, bytes(answer.body))
