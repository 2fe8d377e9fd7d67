"""HL7 v2 in its vertical-bar form: messages, batches and files.

**Fields.** A segment is a dict. For every field that has content:

* `fN`: text when the field is one plain value, a dict of components when it is composite, a list of these when it
  repeats: `PID.f3.where(c5 = 'MR').c1`.
* `fN_M`: text of component M, one for each repetition (a list when the field repeats). `f3_1` exists for a plain
  field too: it is the whole text. Write `f3_1` for text, `f3` for the whole field (`OBX.f3.codeable()`).
* Components are `c1`, `c2` ...: always text. A component with subcomponents is the text of its first one; the
  others are `cM_2`, `cM_3` ... and `fN_M_2`, `fN_M_3` ...

What is empty, or the explicit null `""`, has no key. OBX-5 of the types ST, TX and FT is text and is never split
into components; repetitions (lines) make a list. Escapes are resolved (`\\F\\` to `|`, `\\.br\\` to a line break,
`\\X..\\`). Values stay text, numbers too.

**Groups.** An ORU message has the groups of ORU_R01; groups and segments that may repeat are always lists:

    MSH  SFT[]  PATIENT_RESULT[]
      PATIENT: PID PD1 NTE[] NK1[] VISIT: PV1 PV2
      ORDER_OBSERVATION[]: ORC OBR NTE[] OBSERVATION[]: OBX NTE[]   SPECIMEN[]: SPM OBX[]
                           and, shared for reading: PATIENT (of its patient), MSH (of its message)

Segments that the structure does not know stay where they came, as lists. Other messages are flat: segments by name,
MSH one, the rest lists. A payload with several messages is one tree: `MSH` is then a list and `PATIENT_RESULT` holds
the groups of all messages, so `records: =PATIENT_RESULT.ORDER_OBSERVATION` with the subject from `PATIENT.PID` is
right for one message, for a batch and for a message about several patients. `FHS` and `BHS` are kept.

**Lenient**: line ends CR, LF or CRLF, blank lines, a byte order mark, MLLP framing, missing batch envelopes.
**Refused**: no MSH, lines that are no segments, an opened batch or file that is not closed, a wrong BTS-1 count.

Positions are `OBX[3].5.1`: the third OBX of the message, field 5, component 1, with `MSH[2]/` in front when there
are several messages. There are no options. See https://www.hl7.org/implement/standards/product_brief.cfm?product_id=144
(HL7 v2.5.1, chapter 2 and section 7.3.1).
"""

import re
from collections.abc import Callable
from typing import Any

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import Decoded, Options
from gateway.formats.hl7v2_groups import Unfilled, flat, oru_groups, oru_outline
from gateway.formats.hl7v2_locate import Located, Message, locator
from gateway.formats.hl7v2_results import read_result, segment_of
from gateway.formats.hl7v2_segments import USUAL, Encoding, read_plain, read_segment

MAX_SEGMENTS = 200_000

_SEGMENT_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
_NONE: frozenset[str] = frozenset()
_HEADERS = frozenset(("FHS", "BHS", "MSH"))
_CLOSING = {"FHS": "FTS", "BHS": "BTS"}
_CLOSINGS = frozenset(_CLOSING.values())
_CHARACTER_SETS = {"8859/1": "latin-1", "8859/2": "iso8859-2", "8859/15": "iso8859-15", "ASCII": "utf-8"}


def decode_hl7v2(data: bytes, options: Options) -> Decoded:
    """The messages in `data` as one tree; raises `BadRequest` with a `format.hl7-*` rule, or `payload.empty`."""
    if not data or data.isspace():
        raise BadRequest(issue("payload.empty"))
    text = _unframed(_text(data))
    headers, messages = _read(text)
    tree: dict[str, Any] = dict(headers)
    unfilled: list[Unfilled] = []
    roots = [_message_tree(message, unfilled) for message in messages]
    if len(roots) == 1:
        tree.update(roots[0])
    else:
        _merge(tree, roots)
    fill = _filler(messages, unfilled)
    return Decoded(tree, locator(tree, messages, fill), {id(results): rows for results, rows in unfilled}, fill)


def field_of(name: str) -> str:
    """The field that a name of a segment is about, `f3` for `f3_1`: who knows its value knows its components."""
    return name.partition("_")[0]


def _text(data: bytes) -> str:
    try:
        return data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        declared = re.search(rb"MSH(.)(?:[^\r\n]*?\1){16}([^\r\n^~|]*)", data)
        name = declared.group(2).decode("ascii", "replace").strip() if declared else ""
        encoding = _CHARACTER_SETS.get(name, "utf-8")
        if encoding == "utf-8":
            raise BadRequest(issue("format.encoding", source=f"byte {error.start}", encoding="UTF-8")) from None
        return data.decode(encoding)


def _unframed(text: str) -> str:
    if not text.startswith("\x0b"):
        return text
    if "\x1c" not in text:
        raise BadRequest(issue("format.hl7-truncated", closing="MLLP end block"))
    return text.replace("\x0b", "").replace("\x1c", "\r")


def _read(text: str) -> tuple[dict[str, Any], list[Message]]:
    """The FHS and BHS segments by name, and the messages; checks envelopes and segment names."""
    reader = _Reader(text)
    lines = (text.replace("\r\n", "\r").replace("\n", "\r") if "\n" in text else text).split("\r")
    if len(lines) > MAX_SEGMENTS:
        raise BadRequest(issue("format.hl7-limit", limit=MAX_SEGMENTS))
    beginnings, separators, add, is_plain = reader.beginnings, USUAL, reader.add, False
    for number, line in enumerate(lines, 1):
        if line[:4] in beginnings:
            if not is_plain and separators.is_special(line):
                add((line[:3], read_segment(line, separators)))
            elif line[:3] == "OBX":
                add(("OBX", read_result(line, separators)))
            else:
                add((line[:3], read_plain(line, separators)))
        elif line and not line.isspace():
            reader.take(line, number)
            beginnings, separators, add = reader.beginnings, reader.encoding or USUAL, reader.add
            is_plain = reader.is_plain
    return reader.finish()


class _Reader:
    """Splits lines into messages while it checks that every opened envelope is closed."""

    __slots__ = ("add", "beginnings", "encoding", "headers", "in_batch", "is_plain", "messages", "open", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.is_plain = False
        self.encoding: Encoding | None = None
        self.beginnings = _NONE
        self.headers: dict[str, Any] = {}
        self.messages: list[Message] = []
        self.add: Callable[[tuple[str, Any]], None] = Message().append
        self.open: list[str] = []
        self.in_batch = 0

    def take(self, line: str, number: int) -> None:
        name = line[:3]
        if name in _HEADERS:
            self._header(name, line, number)
        elif self.encoding is None:
            raise BadRequest(issue("format.hl7-no-msh", source=f"line {number}"))
        elif not _SEGMENT_NAME.match(line) or line[3:4] not in ("", self.encoding.field):
            raise BadRequest(issue("format.hl7-segment", source=f"line {number}"))
        elif name in _CLOSINGS:
            self._close(name, line)
        elif not self.messages:
            raise BadRequest(issue("format.hl7-no-msh", source=f"line {number}"))
        else:
            self.add((name, read_segment(line, self.encoding)))

    def _header(self, name: str, line: str, number: int) -> None:
        encoding = Encoding.of(line)
        if encoding is None:
            raise BadRequest(issue("format.hl7-encoding-characters", source=f"line {number}"))
        if encoding is not self.encoding:
            # What stands nowhere behind the first header's own separators stands in no line.
            self.is_plain = self.encoding is None and not encoding.is_special(self.text[self.text.index(line) + 9 :])
        self.encoding = encoding
        segment = read_segment(line, encoding)
        if name == "MSH":
            message = [(name, segment)]
            self.messages.append(message)
            self.add, self.beginnings = message.append, encoding.beginnings
            self.in_batch += 1
            return
        self.beginnings = _NONE
        self.headers.setdefault(name, []).append(segment)
        self.open.append(_CLOSING[name])
        self.in_batch = 0

    def _close(self, name: str, line: str) -> None:
        if self.open and self.open[-1] == name:
            self.open.pop()
        elif name in self.open:
            raise BadRequest(issue("format.hl7-truncated", closing=self.open[-1]))
        assert self.encoding is not None
        count = line.split(self.encoding.field)[1:2] if name == "BTS" else []
        if count and count[0].strip().isdigit() and int(count[0]) != self.in_batch:
            raise BadRequest(issue("format.hl7-batch-count", source="BTS[1].1"))

    def finish(self) -> tuple[dict[str, Any], list[Message]]:
        if not self.messages:
            raise BadRequest(issue("format.hl7-no-message"))
        if self.open:
            raise BadRequest(issue("format.hl7-truncated", closing=self.open[-1]))
        return self.headers, self.messages


def _message_tree(message: Message, unfilled: list[Unfilled]) -> Located:
    """The tree of a message; results that only have rows are noted as such."""
    is_oru = message[0][1].get("f9_1") == "ORU"
    outlined = oru_outline(message) if is_oru else None
    if outlined is not None:
        unfilled += outlined[1]
        return outlined[0]
    for index, (name, segment) in enumerate(message):
        if segment.__class__ is tuple:
            message[index] = name, segment_of(segment)
    return oru_groups(message) if is_oru else flat(message)


def _filler(messages: list[Message], unfilled: list[Unfilled]) -> Callable[[], None]:
    """What makes the results that only have rows, once."""

    def fill() -> None:
        if not unfilled:
            return
        made = []
        for results, rows in unfilled:
            results.extend([{"OBX": segment_of(row)} for row in rows])
            made += results
        unfilled.clear()
        segments = iter(made)
        for message in messages:
            for index, (name, segment) in enumerate(message):
                if segment.__class__ is tuple:
                    message[index] = name, next(segments)["OBX"]

    return fill


def _merge(tree: dict[str, Any], roots: list[Located]) -> None:
    for root in roots:
        for name, value in root.items():
            tree.setdefault(name, []).extend(value if isinstance(value, list) else [value])
