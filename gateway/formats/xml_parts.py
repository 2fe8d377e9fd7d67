"""A large XML document as parts, cut between the elements below its root (`gateway.formats.parts`).

Each part is the root's start tag as it was written, the leading elements that option `context` names, the elements of
the part, and the root's end tag. The document is read by expat in pieces and refused as `gateway.formats.xml_tree`
refuses it: entities, external references, a document type definition unless option `document_type` takes it. Option
`lenient` works as in `gateway.formats.xml`.
"""

from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, NoReturn
from xml.parsers import expat

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import Options
from gateway.formats.parts import MAX_RECORD_BYTES, PART_BYTES, Part
from gateway.formats.xml_lenient import without_definition, without_vertical_tabs
from gateway.formats.xml_tree import MAX_DEPTH, MAX_ELEMENTS, refuse_default

_CHUNK = 65_536
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00<", b"<\x00")


def split_xml(file: BinaryIO, options: Options, size: int = PART_BYTES) -> Iterator[Part]:
    """The parts of a document; raises `BadRequest` with a `format.xml-*` rule where the document stops being one."""
    scanner = _Scanner(bool(options.get("document_type")))
    cutter = _Cutter(frozenset(options.get("context", ())), size)
    buffer = bytearray()
    for chunk in iter(lambda: file.read(_CHUNK), b""):
        if not cutter.started and not buffer and chunk[:2] in _WIDE_MARKS:
            raise BadRequest(issue("format.parts-encoding"))
        buffer += chunk
        scanner.parse(_readable(chunk, options, first=not cutter.started), last=False)
        yield from cutter.take(scanner.marks, buffer)
        if len(buffer) > MAX_RECORD_BYTES:
            raise BadRequest(issue("format.record-too-large", limit=MAX_RECORD_BYTES))
    if not buffer and not cutter.started:
        raise BadRequest(issue("payload.empty"))
    scanner.parse(b"", last=True)
    yield from cutter.take(scanner.marks, buffer)
    yield from cutter.finish()


def _readable(chunk: bytes, options: Options, *, first: bool) -> bytes:
    """The chunk as the parser gets it, of the same length; `first` while the root has not begun."""
    if not options.get("lenient"):
        return chunk
    return without_vertical_tabs(without_definition(chunk) if first and options.get("document_type") else chunk)


class _Scanner:
    """Finds where the root, the elements below it and the root's end tag begin: `marks` of (offset, name)."""

    def __init__(self, document_type: bool) -> None:
        self.marks: deque[tuple[int, str]] = deque()
        self._depth = 0
        self._below = 0
        self._document_type = document_type
        parser = self._parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.AttlistDeclHandler = refuse_default
        parser.EntityDeclHandler = parser.UnparsedEntityDeclHandler = _unsafe
        parser.ExternalEntityRefHandler = _unsafe

    def parse(self, data: bytes, *, last: bool) -> None:
        try:
            self._parser.Parse(data, last)
        except expat.ExpatError as error:
            place = f"line {error.lineno}, column {error.offset + 1}"
            raise BadRequest(issue("format.xml-not-whole", source=place)) from None
        except (ValueError, LookupError):
            raise BadRequest(issue("format.xml-encoding")) from None

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._depth <= 1:
            self.marks.append((self._parser.CurrentByteIndex, name))
            self._below = 0
        self._depth += 1
        self._below += 1
        if self._depth > MAX_DEPTH or self._below > MAX_ELEMENTS:
            raise BadRequest(issue("format.xml-limit", depth=MAX_DEPTH, elements=MAX_ELEMENTS))

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._depth == 0:
            self.marks.append((self._parser.CurrentByteIndex, ""))

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "us-ascii"):
            raise BadRequest(issue("format.parts-encoding"))

    def _doctype(self, name: str, system: str | None, public: str | None, inner: bool) -> None:
        if not self._document_type:
            _unsafe()


def _unsafe(*_: object) -> NoReturn:
    raise BadRequest(issue("format.xml-unsafe"))


class _Cutter:
    """Turns marks into parts; keeps no more of the text than the part that grows."""

    def __init__(self, context: frozenset[str], size: int) -> None:
        self._context = context
        self._size = size
        self._root: str | None = None
        self._head = b""
        self._leading = True
        self._begun: tuple[int, str] | None = None
        self._held: list[bytes] = []
        self._number, self._offset, self._length, self._first, self._seen = 1, 0, 0, 1, 0
        self._base = 0

    @property
    def started(self) -> bool:
        return self._root is not None

    def take(self, marks: deque[tuple[int, str]], buffer: bytearray) -> Iterator[Part]:
        """The parts that are whole; removes from the buffer what is not needed any more."""
        while marks:
            at, name = marks.popleft()
            text = bytes(buffer[: at - self._base])
            del buffer[: at - self._base]
            self._base = at
            if self._root is None:
                self._root = name
                self._begun = (at, "")
                continue
            yield from self._element(text)
            self._begun = (at, name)

    def _element(self, text: bytes) -> Iterator[Part]:
        """The text from the last mark to this one: the root's start tag, or an element with the space behind it."""
        at, name = self._begun or (0, "")
        if not name:
            empty = text.rstrip().endswith(b"/>")
            self._head = text.rstrip()[:-2] + b">" if empty else text
            return
        self._seen += 1
        if self._leading and name.rpartition(":")[2] in self._context:
            self._head += text
            return
        if not self._held:
            self._offset, self._first = at, self._seen
        self._leading = False
        self._held.append(text)
        self._length += len(text)
        if self._length >= self._size:
            yield self._part()

    def _part(self) -> Part:
        body = b"".join((self._head, *self._held, f"</{self._root}>".encode()))
        part = Part(self._number, body, self._offset, self._length, self._first)
        self._number, self._length, self._held = self._number + 1, 0, []
        return part

    def finish(self) -> Iterator[Part]:
        if self._held or self._number == 1:
            yield self._part()
