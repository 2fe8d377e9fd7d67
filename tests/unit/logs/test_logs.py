"""Logs: only allowed keys pass, and neither exception text nor library records carry values."""

import io
import json
import logging
import time
from collections.abc import Iterator

import pytest
import structlog

from gateway.core import logs

CANARY = "Jane-Canary-1980-02-03"
PATIENCE_SECONDS = 30


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    target = io.StringIO()
    logs.configure("info", target)
    yield target
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_keeps_allowed_keys_and_drops_the_rest(stream: io.StringIO) -> None:
    logs.logger().info("request done", request_id="r1", status=200, patient=CANARY, url=f"/x?name={CANARY}")
    [line] = lines(stream)
    assert line["event"] == "request done"
    assert line["status"] == 200
    assert line["level"] == "info"
    assert CANARY not in stream.getvalue()


def test_structures_are_dropped_even_under_an_allowed_key(stream: io.StringIO) -> None:
    logs.logger().info("request done", status={"body": CANARY}, count=[CANARY])
    assert CANARY not in stream.getvalue()


def test_an_event_with_values_in_it_is_not_printed(stream: io.StringIO) -> None:
    logs.logger().info(f"stored {CANARY}")
    assert lines(stream)[0]["event"] == "unnamed"


def test_an_exception_is_its_type_only(stream: io.StringIO) -> None:
    try:
        raise ValueError(CANARY)
    except ValueError as error:
        logs.logger().error("request failed", exc_info=error)
        logs.logger().exception("request failed")
    assert [line["error_type"] for line in lines(stream)] == ["ValueError", "ValueError"]
    assert CANARY not in stream.getvalue()


def test_records_of_libraries_tell_their_logger_only(stream: io.StringIO) -> None:
    logging.getLogger("some.library").warning("bad value %s", CANARY)
    try:
        raise KeyError(CANARY)
    except KeyError:
        logging.getLogger("some.library").exception(CANARY)
    found = lines(stream)
    assert [line["logger"] for line in found] == ["some.library", "some.library"]
    assert found[1]["error_type"] == "KeyError"
    assert CANARY not in stream.getvalue()


def test_the_level_is_respected(stream: io.StringIO) -> None:
    logs.logger().debug("too small")
    assert stream.getvalue() == ""


def test_lines_that_may_wait_are_written_together_and_warnings_at_once() -> None:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    try:
        logs.configure("info", stream, flush_seconds=3_600)
        logs.logger().info("first")
        assert stream.getvalue() == ""
        logs.logger().warning("second")
        assert [line["event"] for line in lines(stream)] == ["first", "second"]
        logs.configure("info", stream, flush_seconds=0.05)
        logs.logger().info("third")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while "third" not in stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert [line["event"] for line in lines(stream)] == ["first", "second", "third"]
    finally:
        structlog.reset_defaults()
        root.handlers = handlers
        root.setLevel(level)
