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
from typing import Any

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import Decoded, Options
from gateway.formats.hl7v2_groups import decoded_order, flat, oru_groups, oru_outline, outline_of_one_order
from gateway.formats.hl7v2_headers import Feed, feed_of
from gateway.formats.hl7v2_locate import Located, Message, Unfilled, Whole, made
from gateway.formats.hl7v2_orders import OrderRow
from gateway.formats.hl7v2_plain import MAX_SEGMENTS, SEGMENT_NAME, add_result, plain_message
from gateway.formats.hl7v2_results import Row, segment_of
from gateway.formats.hl7v2_segments import read_segment

_HEADERS = frozenset(("FHS", "BHS", "MSH"))
_CLOSING = {"FHS": "FTS", "BHS": "BTS"}
_CLOSINGS = frozenset(_CLOSING.values())
_CHARACTER_SET = re.compile(r"(?:ISO[ -]?)?(8859)[/-]([1-9]|1[0134569])|(?:WINDOWS-?|CP)(125[0-8])", re.IGNORECASE)
"""Of MSH-18: table 0211 has `8859/1` to `8859/9` and `8859/15`; the others are what senders write for them."""


def decode_hl7v2(data: bytes, options: Options) -> Decoded:
    """The messages in `data` as one tree; raises `BadRequest` with a `format.hl7-*` rule, or `payload.empty`."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        text = _declared(data, error)
    told: list[OrderRow] = []
    plain = plain_message(text, told)
    headers, messages = ({}, [plain]) if plain is not None else _read(data, text, told)
    if told:
        return decoded_order(messages, told[0])
    unfilled: list[Unfilled] = []
    if len(messages) == 1:
        tree = _message_tree(messages[0], unfilled)
        tree = {**headers, **tree} if headers else tree
    else:
        tree = headers
        _merge(tree, [_message_tree(message, unfilled) for message in messages])
    whole = Whole(tree, messages, unfilled)
    rows: dict[int, list[Row]] = {}
    for results, found in unfilled:
        rows[id(results)] = found
    return Decoded(tree, whole.locate, rows, whole.fill)


def field_of(name: str) -> str:
    """The field that a name of a segment is about, `f3` for `f3_1`: who knows its value knows its components."""
    return name.partition("_")[0]


def _declared(data: bytes, error: UnicodeDecodeError) -> str:
    """The text in the character set that MSH-18 declares, which is not UTF-8."""
    declared = re.search(rb"MSH(.)(?:[^\r\n]*?\1){16}([^\r\n^~|]*)", data)
    name = declared.group(2).decode("ascii", "replace").strip() if declared else ""
    found = _CHARACTER_SET.fullmatch(name)
    if found is None:
        raise BadRequest(issue("format.encoding", source=f"byte {error.start}", encoding="UTF-8")) from None
    encoding = f"cp{found[3]}" if found[3] else f"iso{found[1]}-{found[2]}"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as other:
        raise BadRequest(issue("format.encoding", source=f"byte {other.start}", encoding=encoding)) from None


def _read(data: bytes, text: str, told: list[OrderRow]) -> tuple[dict[str, Any], list[Message]]:
    """The FHS and BHS segments by name, and the messages, of a payload that is not as most are.

    `told` is that of `plain_message`.
    """
    if not data or data.isspace():
        raise BadRequest(issue("payload.empty"))
    tidied = _tidied(text)
    plain = plain_message(tidied, told) if tidied is not text else None
    if plain is not None:
        return {}, [plain]
    reader = _Reader()
    reader.read(tidied)
    return reader.headers, reader.messages


def _tidied(text: str) -> str:
    """The text without byte order mark and MLLP frame, each line ended by a carriage return alone."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\r").replace("\n", "\r")
    if text[:1] != "\x0b":
        return text
    if "\x1c" not in text:
        raise BadRequest(issue("format.hl7-truncated", closing="MLLP end block"))
    return text.replace("\x0b", "").replace("\x1c", "\r")


class _Reader:
    """Splits any text into messages while it checks that every opened envelope is closed.

    `headers` are the FHS and BHS segments by name; `result` is how a result of the message begins.
    """

    __slots__ = ("feed", "headers", "in_batch", "message", "messages", "open", "result")

    def __init__(self) -> None:
        self.feed: Feed | None = None
        self.headers: dict[str, Any] = {}
        self.messages: list[Message] = []
        self.message: Message = []
        self.open: list[str] = []
        self.result = ""
        self.in_batch = 0

    def read(self, text: str) -> None:
        """Reads all segments; checks envelopes and segment names."""
        lines = text.split("\r")
        if len(lines) > MAX_SEGMENTS:
            raise BadRequest(issue("format.hl7-limit", limit=MAX_SEGMENTS))
        for number, line in enumerate(lines, 1):
            if line[:3] in _HEADERS:
                self._header(line, number)
            elif line[:4] != self.result or self.feed is None or self.feed.encoding.is_special(line):
                if line and not line.isspace():
                    self._take(line, number)
            else:
                add_result(self.message, line, self.feed)
        if not self.messages:
            raise BadRequest(issue("format.hl7-no-message"))
        if self.open:
            raise BadRequest(issue("format.hl7-truncated", closing=self.open[-1]))

    def _take(self, line: str, number: int) -> None:
        """Takes a line that is not blank and no header, of this number."""
        name, feed = line[:3], self.feed
        if feed is None:
            raise BadRequest(issue("format.hl7-no-msh", source=f"line {number}"))
        encoding = feed.encoding
        if not SEGMENT_NAME.match(line) or line[3:4] not in ("", encoding.field):
            raise BadRequest(issue("format.hl7-segment", source=f"line {number}"))
        if name in _CLOSINGS:
            self._close(name, line)
        elif not self.messages:
            raise BadRequest(issue("format.hl7-no-msh", source=f"line {number}"))
        else:
            self.message.append((name, read_segment(line, encoding)))

    def _header(self, line: str, number: int) -> None:
        self.feed = feed_of(line[3:8])
        if self.feed is None:
            raise BadRequest(issue("format.hl7-encoding-characters", source=f"line {number}"))
        name, segment = line[:3], read_segment(line, self.feed.encoding)
        if name == "MSH":
            self.message = [(name, segment)]
            self.messages.append(self.message)
            self.result = f"OBX{self.feed.encoding.field}"
            self.in_batch += 1
        else:
            self.result = ""
            self.headers.setdefault(name, []).append(segment)
            self.open.append(_CLOSING[name])
            self.in_batch = 0

    def _close(self, name: str, line: str) -> None:
        if self.open and self.open[-1] == name:
            self.open.pop()
        elif name in self.open:
            raise BadRequest(issue("format.hl7-truncated", closing=self.open[-1]))
        assert self.feed is not None
        count = line.split(self.feed.encoding.field)[1:2] if name == "BTS" else []
        if count and count[0].strip().isdigit() and int(count[0]) != self.in_batch:
            raise BadRequest(issue("format.hl7-batch-count", source="BTS[1].1"))


def _message_tree(message: Message, unfilled: list[Unfilled]) -> Located:
    """The tree of a message; results that only have rows are noted as such."""
    is_oru = message[0][1].get("f9_1") == "ORU"
    if is_oru:
        outline = outline_of_one_order(message, unfilled) or oru_outline(message, unfilled)
        if outline is not None:
            return outline
    message[:] = made(message, lambda rows: map(segment_of, rows))
    return oru_groups(message) if is_oru else flat(message)


def _merge(tree: dict[str, Any], roots: list[Located]) -> None:
    for root in roots:
        for name, value in root.items():
            tree.setdefault(name, []).extend(value if isinstance(value, list) else [value])
