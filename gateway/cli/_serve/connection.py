"""A connection to a client: uvicorn's, with answers in one write, and an end to what a client leaves unfinished.

The head of a request has a largest size and a time in which it is whole, its body a longest pause; a connection that
nobody uses is closed. What cannot be a request is refused by an OperationOutcome, as everything else is.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gateway.cli._serve.answering import with_whole_answers
from gateway.cli._serve.corked import Corked
from gateway.core import issue
from gateway.core.errors import BadRequest, FhirError, HeadTooLarge, RequestTimeout
from gateway.rest import refused

MOST_HEADERS: Final = 1_000
"""How many headers a request may have, with those that come behind its body."""


@dataclass(frozen=True, slots=True)
class Patience:
    """The largest head of a request, in bytes; and how long a head may take, or a pause within a body."""

    head_bytes: int = 65_536
    seconds: float = 30


class Connection(HttpToolsProtocol):
    """uvicorn's protocol over corked transports, whose applications may send an answer whole.

    One timer looks whether what is awaited of the client is late: uvicorn sets one after each answer, takes it back
    with the next request, and waits for ever for the rest of one.
    """

    _timer: asyncio.TimerHandle | None = None
    _until: float | None = None
    """When what is awaited of the client is late; None while nothing is."""
    _head: int = 0
    """How much there is of a head that is not whole."""

    def __init__(self, *given: Any, patience: Patience, **named: Any) -> None:
        super().__init__(*given, **named)
        self._patience = patience

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Takes a new connection, of which a request is awaited."""
        self.app = with_whole_answers(self.app)
        super().connection_made(cast(asyncio.Transport, Corked(cast(asyncio.Transport, transport), self.loop)))
        self._await(self.loop.time() + self._patience.seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets a connection."""
        super().connection_lost(exc)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def data_received(self, data: bytes) -> None:
        """Takes bytes, most often a whole request."""
        awaited = self._until
        if len(data) > self._patience.head_bytes and self._is_head(data):
            self._refuse_head()
            return
        super().data_received(data)
        cycle = self.cycle
        if cycle is None or cycle.scope is not self.scope:
            self._head_goes_on(len(data), awaited)
            return
        self._head = 0
        if cycle.more_body:
            self._body_goes_on()
        elif cycle.response_complete and awaited is not None:
            self._await(awaited)

    def on_response_complete(self) -> None:
        """Begins to answer what came meanwhile; from here on nobody uses the connection where nothing did."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._await(self.loop.time() + self.timeout_keep_alive)

    def send_400_response(self, msg: str) -> None:
        """Refuses what is not HTTP; `msg` is the server library's own text for it."""
        self._refuse(BadRequest(issue("rest.not-http")))

    def _unset_keepalive_if_required(self) -> None:
        self._until = None

    def _is_head(self, data: bytes) -> bool:
        """True where these bytes, more than a head may have, are of a head."""
        in_body = self.cycle is not None and self.cycle.scope is self.scope and self.cycle.more_body
        return not in_body and data.find(b"\r\n\r\n", 0, self._patience.head_bytes) < 0

    def _head_goes_on(self, count: int, awaited: float | None) -> None:
        """A part of a head came. All of it has one time, which begins with the first."""
        begins = not self._head
        self._head += count
        if self._head > self._patience.head_bytes:
            self._refuse_head()
        elif not self.transport.is_closing():
            is_new = begins or awaited is None
            self._await(self.loop.time() + self._patience.seconds if is_new or awaited is None else awaited)

    def _body_goes_on(self) -> None:
        """A part of a body came; headers may stand behind the last."""
        if len(self.headers) > MOST_HEADERS:
            self._refuse_head()
        elif not self.transport.is_closing():
            self._await(self.loop.time() + self._patience.seconds)

    def _await(self, until: float) -> None:
        """Sets when what is awaited is late, and the timer where none goes off by then."""
        self._until = until
        if self._timer is not None:
            if self._timer.when() <= until:
                return
            self._timer.cancel()
        self._timer = self.loop.call_at(until, self._look)

    def _look(self) -> None:
        """Closes the connection where what is awaited is late; reading that waits for the gateway is not late."""
        self._timer = None
        if self._until is None or self.transport.is_closing():
            return
        now = self.loop.time()
        if self.flow.read_paused:
            self._await(now + self._patience.seconds)
        elif now < self._until:
            self._await(self._until)
        elif self._head or (self.cycle is not None and not self.cycle.response_complete):
            self._refuse(RequestTimeout(issue("rest.request-late", seconds=f"{self._patience.seconds:g}")))
        else:
            self.transport.close()

    def _refuse_head(self) -> None:
        self._refuse(HeadTooLarge(issue("rest.head-too-large", limit=self._patience.head_bytes)))

    def _refuse(self, error: FhirError) -> None:
        """Answers with a refusal, unless another answer is under way, and closes the connection."""
        self._until = None
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            headers, body = refused(error)
            lines = [*self.server_state.default_headers, *headers, (b"connection", b"close")]
            head = b"".join([b"%b: %b\r\n" % line for line in lines])
            self.transport.write(b"%b%b\r\n%b" % (STATUS_LINE[error.status], head, body))
        self.transport.close()
