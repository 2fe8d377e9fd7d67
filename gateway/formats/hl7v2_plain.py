"""HL7 v2 messages that have nothing special, as most of a feed: one header, usual segments, no escapes.

What they are made of is the same from message to message, so that little of them is looked at twice. Any other text
is read line by line (`gateway.formats.hl7v2`).
"""

import re
from collections.abc import Sequence
from typing import Final

from gateway.formats.hl7v2_headers import Feed, feed_of, header_of
from gateway.formats.hl7v2_locate import Message
from gateway.formats.hl7v2_orders import OrderRow, fill_order, order_row
from gateway.formats.hl7v2_results import TO_TIME, Row, known_results, read_result
from gateway.formats.hl7v2_segments import Segment

MAX_SEGMENTS: Final = 200_000
SEGMENT_NAME: Final = re.compile(r"[A-Z][A-Z0-9]{2}")

_OF_ORDER: Final = 2
"""How many segments stand between header and results in most messages."""

_OF_ONE_ORDER: Final = 4
"""How many parts such a message has, its results one of them."""

_ENVELOPES: Final = frozenset(("FHS", "BHS", "MSH", "BTS", "FTS"))


def plain_message(text: str, told: list[OrderRow]) -> Message | None:
    """The segments of a text that is one message of nothing but fields and components; None for any other text.

    Where there is nothing else but a patient, an order, and results that are rows, header and order are empty, and
    `told` gets what they say.
    """
    feed = feed_of(text[3:8]) if text[:3] == "MSH" else None
    if feed is None or "\n" in text or feed.encoding.is_special(text[9:]):
        return None
    if len(text) >= MAX_SEGMENTS and text.count("\r") >= MAX_SEGMENTS:
        return None
    head, blocks, ending = _parted(text.removesuffix("\r"), feed)
    header, *lines = head.split("\r")
    order = _order(header, lines, feed) if len(lines) == _OF_ORDER else None
    if order is not None:
        message: Message = [("MSH", {}), ("PID", _usual(lines[0], feed)), ("OBR", {})]
    else:
        message = [("MSH", feed.read(header))]
        if not _add_lines(message, lines, feed):
            return None
    if ending:
        _add_run(message, blocks, ending, feed)
    elif not _add_runs(message, blocks, feed):
        return None
    if order is not None:
        if len(message) == _OF_ONE_ORDER and message[-1][1].__class__ is list:
            told.append(order)
        else:
            message[0][1].update(header_of(*order[1:4]))
            fill_order(message[2][1], order)
    return message


def _order(header: str, lines: Sequence[str], feed: Feed) -> OrderRow | None:
    """What is told of header and order, where the lines behind the header are those of a patient and an order."""
    patient, order = lines
    told = feed.told(header) if patient[:4] == feed.before_patient else None
    if told is None or told[0].get("f9_1") != "ORU":
        return None
    return order_row(order, told, feed.encoding, feed.orders)


def _usual(line: str, feed: Feed) -> Segment:
    """The dict of a line that has nothing special, no header and no result."""
    parts = line.split(feed.encoding.field)
    reader = feed.shapes.last.get((parts[0], len(parts)))
    return (None if reader is None else reader(parts, feed.encoding.component)) or feed.shapes.read(line, parts)


def _parted(text: str, feed: Feed) -> tuple[str, list[str], str]:
    """What stands before results, they themselves without their beginning, and the ending that they share.

    With an ending no other segments stand between and behind results; without one they may.
    """
    separator, before = feed.encoding.field, feed.before_result
    # Most results were observed at the same time: what stands between them is split off at once.
    body, _, time = text.rpartition(separator)
    ending = f"{separator}{time}"
    blocks = body.split(f"{ending}{before}")
    head, is_any, blocks[0] = blocks[0].rpartition(before)
    is_one_run = is_any and before not in head and "\r" not in time and "\r" not in "".join(blocks)
    if is_one_run and blocks[0].count(separator) == TO_TIME - 1:
        return head, blocks, ending
    head, *blocks = text.split(before)
    return head, blocks, ""


def _add_run(message: Message, blocks: Sequence[str], ending: str, feed: Feed) -> None:
    """Adds results that share their ending."""
    rows = known_results(blocks, ending[1:], feed.encoding, feed.kinds.known)
    if rows:
        message.append(("OBX", rows))
    for block in blocks[len(rows) :]:
        add_result(message, f"{feed.before_result[1:]}{block}{ending}", feed)


def _add_runs(message: Message, blocks: Sequence[str], feed: Feed) -> bool:
    """Adds results each with an ending of its own, and the segments behind them; as `_add_lines` does."""
    begin, separator, kinds = feed.before_result[1:], feed.encoding.field, feed.kinds
    has_time = bool(blocks) and blocks[0].partition("\r")[0].count(separator) == TO_TIME
    time, known = (None, kinds.known) if has_time else ("", kinds.short)
    at = 0
    while at < len(blocks):
        end = at
        while end < len(blocks) and "\r" not in blocks[end]:
            end += 1
        if end > at:
            rows = known_results(blocks[at:end], time, feed.encoding, known)
            if rows:
                _add_rows(message, rows)
                at += len(rows)
        for block in blocks[at : end + 1]:
            if not _add_lines(message, f"{begin}{block}".split("\r"), feed):
                return False
        at = end + 1
    return True


def _add_lines(message: Message, lines: Sequence[str], feed: Feed) -> bool:
    """Adds the segments of lines; False where one begins or ends an envelope, or is no segment."""
    shapes, last = feed.shapes, feed.shapes.last
    separator, component, result = feed.encoding.field, feed.encoding.component, feed.before_result[1:]
    for line in lines:
        if line[:4] == result:
            add_result(message, line, feed)
            continue
        parts = line.split(separator)
        name = parts[0]
        reader = last.get((name, len(parts)))
        segment = None if reader is None else reader(parts, component)
        if segment is not None:
            message.append((name, segment))
        elif len(name) == 3 and SEGMENT_NAME.match(name) and name not in _ENVELOPES:
            message.append((name, shapes.read(line, parts)))
        elif line and not line.isspace():
            return False
    return True


def add_result(message: Message, line: str, feed: Feed) -> None:
    """Adds the result of an OBX line that has nothing special."""
    encoding, kinds = feed.encoding, feed.kinds
    read = read_result(line, encoding, kinds)
    if isinstance(read, dict):
        message.append(("OBX", read))
    else:
        _add_rows(message, read)


def _add_rows(message: Message, rows: list[Row]) -> None:
    """Adds results that are rows: those one after another are in one list."""
    last = message[-1][1]
    if last.__class__ is list:
        last += rows
    else:
        message.append(("OBX", rows))
