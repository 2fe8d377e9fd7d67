"""Structured logs that cannot tell a participant's data: JSON lines with an allow-list of keys.

A key that is not on the list is dropped, an exception is logged by the name of its type alone, and records of other
libraries keep their logger's name only. URLs, query strings, bodies and resource ids have no key here on purpose.
"""

import atexit
import logging
import re
import sys
import threading
import time
from collections import deque
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import msgspec
import structlog

ALLOWED: Final = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "request_id",
        "study",
        "source",
        "client",
        "resource_type",
        "operation",
        "mapping",
        "method",
        "route",
        "status",
        "count",
        "bytes",
        "rule",
        "duration_ms",
        "receipt",
        "error_type",
        "logger",
        "host",
        "port",
        "workers",
        "version",
    }
)
"""The keys that a log line may have."""

MAX_TEXT: Final = 200
"""Longer texts are cut: no allowed key needs more."""

_PLAIN: Final = frozenset((str, int, float, bool))
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_OWN_EVENT = re.compile(r"[a-z0-9][a-z0-9 .\-]*\Z")


def configure(level: str = "info", stream: TextIO | None = None, *, flush_seconds: float = 0.0) -> None:
    """Sends all logs of this process to `stream` (stderr when None) as JSON lines of at least `level`.

    With `flush_seconds`, lines below warning may stay in memory for so long, which a busy server needs: a flush a
    line costs more than all else that it does for a request. The audit trail does not pass through here.
    """
    target = _Lines(stream or sys.stderr, flush_seconds)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            keep_allowed,
            structlog.processors.JSONRenderer(serializer=_to_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_names: target,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [_Foreign(target)]
    root.setLevel(max(_LEVELS[level], logging.WARNING))


def logger() -> Any:
    """A structlog logger; its first argument is the event, a fixed lower-case phrase without values."""
    return structlog.get_logger()


def keep_allowed(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The event with allowed keys and plain values only; `exc_info` becomes `error_type`."""
    kept: dict[str, Any] = {}
    for key, value in event.items():
        if key in ALLOWED and value.__class__ in _PLAIN:
            kept[key] = value[:MAX_TEXT] if value.__class__ is str else value
    if not _OWN_EVENT.match(str(kept.get("event", ""))):
        kept["event"] = "unnamed"
    if "exc_info" in event and (kind := _error_type(event["exc_info"])):
        kept["error_type"] = kind
    return kept


def _error_type(info: Any) -> str:
    """The name of the exception's type in whatever form `exc_info` has; "" when there is none."""
    if isinstance(info, BaseException):
        return type(info).__name__
    if isinstance(info, tuple) and info and info[0] is not None:
        return str(info[0].__name__)
    current = sys.exc_info()[0] if info is True else None
    return current.__name__ if current else ""


def _to_json(event: Any, **_options: Any) -> str:
    return msgspec.json.encode(event).decode()


class _Lines:
    """Writes lines to a stream: those below warning flushed now and again, the others at once."""

    def __init__(self, stream: TextIO, flush_seconds: float) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._waiting: deque[str] = deque()
        self._seconds = flush_seconds
        self._work = threading.Event()
        if flush_seconds:
            threading.Thread(target=self._flush_for_ever, name="logs", daemon=True).start()
            atexit.register(self.flush)

    def info(self, line: str) -> None:
        """A line that may wait."""
        if not self._seconds:
            self.warning(line)
            return
        self._waiting.append(line)
        if not self._work.is_set():
            self._work.set()

    debug = info

    def warning(self, line: str) -> None:
        """A line that is written at once, after those that wait."""
        self._waiting.append(line)
        self.flush()

    error = critical = exception = warning

    def flush(self) -> None:
        """Writes what waits."""
        with self._lock:
            lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if lines and not self._stream.closed:
                self._stream.write("\n".join(lines) + "\n")
                self._stream.flush()

    def _flush_for_ever(self) -> None:
        while True:
            self._work.wait()
            self._work.clear()
            time.sleep(self._seconds)
            self.flush()


class _Foreign(logging.Handler):
    """Records of other libraries: logger, level and exception type; their text may hold data and is left out."""

    def __init__(self, lines: _Lines) -> None:
        super().__init__()
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        entry = {"event": "library record", "level": record.levelname.lower(), "logger": record.name[:MAX_TEXT]}
        kind = _error_type(record.exc_info)
        if kind:
            entry["error_type"] = kind
        self.lines.warning(_to_json(entry))
