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
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from msgspec import Struct

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import Decoded, Options
from gateway.formats.hl7v2_groups import Unfilled, flat, oru_groups, oru_outline
from gateway.formats.hl7v2_locate import Located, Locator, Message
from gateway.formats.hl7v2_results import Kinds, Row, kinds_of, known_results, read_result, segment_of
from gateway.formats.hl7v2_segments import USUAL, Encoding, Segment, read_header, read_plain, read_segment

MAX_SEGMENTS = 200_000

_SEGMENT_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
_NONE: frozenset[str] = frozenset()
_NO_KINDS = kinds_of(USUAL)
_HEADERS = frozenset(("FHS", "BHS", "MSH"))
_CLOSING = {"FHS": "FTS", "BHS": "BTS"}
_CLOSINGS = frozenset(_CLOSING.values())
_CHARACTER_SET = re.compile(r"(?:ISO[ -]?)?(8859)[/-]([1-9]|1[0134569])|(?:WINDOWS-?|CP)(125[0-8])", re.IGNORECASE)
"""Of MSH-18: table 0211 has `8859/1` to `8859/9` and `8859/15`; the others are what senders write for them."""


def decode_hl7v2(data: bytes, options: Options) -> Decoded:
    """The messages in `data` as one tree; raises `BadRequest` with a `format.hl7-*` rule, or `payload.empty`."""
    if not data or data.isspace():
        raise BadRequest(issue("payload.empty"))
    tree, messages = _read(_unframed(_text(data)))
    unfilled: list[Unfilled] = []
    if len(messages) == 1:
        tree |= _message_tree(messages[0], unfilled)
    else:
        _merge(tree, [_message_tree(message, unfilled) for message in messages])
    rows: dict[int, list[Row]] = {}
    for results, found in unfilled:
        rows[id(results)] = found
    fill = _Whole(messages, unfilled).fill
    return Decoded(tree, Locator(tree, messages, fill).locate, rows, fill)


def field_of(name: str) -> str:
    """The field that a name of a segment is about, `f3` for `f3_1`: who knows its value knows its components."""
    return name.partition("_")[0]


def _text(data: bytes) -> str:
    try:
        return data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        declared = re.search(rb"MSH(.)(?:[^\r\n]*?\1){16}([^\r\n^~|]*)", data)
        name = declared.group(2).decode("ascii", "replace").strip() if declared else ""
        found = _CHARACTER_SET.fullmatch(name)
        if found is None:
            raise BadRequest(issue("format.encoding", source=f"byte {error.start}", encoding="UTF-8")) from None
    encoding = f"cp{found[3]}" if found[3] else f"iso{found[1]}-{found[2]}"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadRequest(issue("format.encoding", source=f"byte {error.start}", encoding=encoding)) from None


def _unframed(text: str) -> str:
    if not text.startswith("\x0b"):
        return text
    if "\x1c" not in text:
        raise BadRequest(issue("format.hl7-truncated", closing="MLLP end block"))
    return text.replace("\x0b", "").replace("\x1c", "\r")


def _read(text: str) -> tuple[dict[str, Any], list[Message]]:
    """The FHS and BHS segments by name, in a new dict, and the messages; checks envelopes and segment names."""
    reader = _Reader(text)
    lines = (text.replace("\r\n", "\r").replace("\n", "\r") if "\n" in text else text).split("\r")
    if len(lines) > MAX_SEGMENTS:
        raise BadRequest(issue("format.hl7-limit", limit=MAX_SEGMENTS))
    if not lines[-1]:
        lines.pop()
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line and not line.isspace():
            reader.take(line, at)
            at = reader.take_usual(lines, at)
    return reader.finish()


def _before_messages(segment: tuple[str, Any]) -> None:
    """Takes nothing: a segment before the first message is refused."""
    raise AssertionError(segment[0])


class _Reader(Struct, eq=False):
    """Splits lines into messages while it checks that every opened envelope is closed."""

    text: str
    is_plain: bool = False
    encoding: Encoding | None = None
    kinds: Kinds = _NO_KINDS
    beginnings: frozenset[str] = _NONE
    headers: dict[str, Any] = {}
    messages: list[Message] = []
    add: Callable[[tuple[str, Any]], None] = _before_messages
    open: list[str] = []
    in_batch: int = 0

    def take_usual(self, lines: list[str], at: int) -> int:
        """Takes segments of those that come most often, from the one at `at` on; returns where another line is."""
        encoding, is_plain, beginnings = self.encoding or USUAL, self.is_plain, self.beginnings
        while at < len(lines) and (line := lines[at])[:4] in beginnings:
            name = line[:3]
            if not is_plain and encoding.is_special(line):
                self.add((name, read_segment(line, encoding)))
            elif name != "OBX":
                self.add((name, read_plain(line, encoding)))
            else:
                rows = known_results(islice(lines, at, None), encoding, self.kinds) if is_plain else None
                if rows:
                    self.add((name, rows))
                    at += len(rows)
                    continue
                read = read_result(line, encoding, self.kinds)
                self.add((name, [read] if read.__class__ is tuple else read))
            at += 1
        return at

    def take(self, line: str, number: int) -> None:
        """Takes any line that is not blank, of this number."""
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
            self.kinds = kinds_of(encoding)
        self.encoding = encoding
        segment = read_header(line, encoding, is_plain=True) if self.is_plain else read_segment(line, encoding)
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
    message[:] = _made(message, lambda rows: map(segment_of, rows))
    return oru_groups(message) if is_oru else flat(message)


def _made(message: Message, made: Callable[[list[Row]], Iterable[Any]]) -> Message:
    """The message with the segments that are made of its rows."""
    whole: Message = []
    for name, segment in message:
        if segment.__class__ is list:
            whole += [(name, one) for one in made(segment)]
        else:
            whole.append((name, segment))
    return whole


class _Whole(Struct, eq=False):
    """Makes the results that only have rows, once."""

    _messages: list[Message]
    _unfilled: list[Unfilled]

    def fill(self) -> None:
        """Nothing has rows any more."""
        if not self._unfilled:
            return
        made: list[Segment] = []
        for results, rows in self._unfilled:
            segments = [*map(segment_of, rows)]
            results.extend([{"OBX": segment} for segment in segments])
            made += segments
        self._unfilled.clear()
        following = iter(made)
        for message in self._messages:
            message[:] = _made(message, lambda rows: islice(following, len(rows)))


def _merge(tree: dict[str, Any], roots: list[Located]) -> None:
    for root in roots:
        for name, value in root.items():
            tree.setdefault(name, []).extend(value if isinstance(value, list) else [value])
