"""A FHIR terminology server, asked over HTTP, with a timeout and a memory.

Not part of the package's surface: no engine imports it, the composition root makes it when a server is set. A server
that fails or is slow gives no answer and is left alone for a while; nothing here raises because of it.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

import httpx

from gateway.core import Resource, dumps, loads
from gateway.core.errors import FhirError

TIMEOUT_SECONDS = 2.0
KEPT_SECONDS = 3600.0
PAUSE_SECONDS = 30.0
MAX_KEPT = 10_000
MAX_ANSWER_BYTES = 5_000_000

Question = tuple[str, tuple[tuple[str, str], ...]]

_KINDS = {
    **dict.fromkeys(("code", "codeA", "codeB", "displayLanguage"), "Code"),
    **dict.fromkeys(("filter", "version", "systemVersion", "valueSetVersion"), "String"),
    **dict.fromkeys(("count", "offset"), "Integer"),
}
"""The type of an input where it is not uri."""


class TerminologyServer:
    """Asks the operations of a FHIR terminology server at `url`; answers are kept for `KEPT_SECONDS`.

    For several threads. `clock` gives seconds that only grow; `transport` replaces the network in tests.
    """

    def __init__(
        self,
        url: str,
        timeout: float = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        headers = {"Accept": "application/fhir+json", "Content-Type": "application/fhir+json"}
        self._client = httpx.Client(timeout=timeout, headers=headers, transport=transport, follow_redirects=False)
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[Question, tuple[float, Resource | None]] = OrderedDict()
        self._silent_until = float("-inf")

    def ask(self, operation: str, inputs: Mapping[str, str]) -> Resource | None:
        """The resource that the server answers to `ValueSet/$expand` or the like with `inputs`.

        None when it refuses, fails, is slow, or failed a moment ago.
        """
        question = (operation, tuple(inputs.items()))
        now = self._clock()
        with self._lock:
            known = self._kept.get(question)
            if known is not None and known[0] > now:
                self._kept.move_to_end(question)
                return known[1]
            if now < self._silent_until:
                return None
        try:
            answer = self._post(operation, inputs)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, FhirError):
            with self._lock:
                self._silent_until = self._clock() + PAUSE_SECONDS
            return None
        self._keep(question, answer)
        return answer

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()

    def _post(self, operation: str, inputs: Mapping[str, str]) -> Resource | None:
        """The answer; None for a refusal (4xx). Raises for everything else that is no answer."""
        kinds = {name: _KINDS.get(name, "Uri") for name in inputs}
        entries = [
            {"name": name, f"value{kinds[name]}": int(text) if kinds[name] == "Integer" else text}
            for name, text in inputs.items()
        ]
        body = dumps({"resourceType": "Parameters", "parameter": entries})
        with self._client.stream("POST", f"{self._url}/{operation}", content=body) as response:
            if 400 <= response.status_code < 500 and response.status_code not in (401, 403, 408, 429):
                return None
            if response.status_code != 200:
                raise ValueError("no answer")
            received = bytearray()
            for part in response.iter_bytes():
                received += part
                if len(received) > MAX_ANSWER_BYTES:
                    raise ValueError("too large")
        tree = loads(bytes(received))
        if not isinstance(tree, dict):
            raise ValueError("no resource")
        return tree

    def _keep(self, question: Question, answer: Resource | None) -> None:
        with self._lock:
            self._kept[question] = (self._clock() + KEPT_SECONDS, answer)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
