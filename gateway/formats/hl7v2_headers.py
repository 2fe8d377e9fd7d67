"""MSH lines of HL7 v2: what a feed says in every message, and the time and number of the message.

The header of a feed is the same again and again but for these two, so that the rest of it is read once
(`gateway.formats.hl7v2`).
"""

from dataclasses import dataclass
from functools import lru_cache

from gateway.formats.hl7v2_results import Kinds
from gateway.formats.hl7v2_segments import Encoding, Segment, read_header
from gateway.formats.hl7v2_shapes import Shapes

REMEMBERED = 256
"""Of how many headers it is remembered what they say beside time and number."""

MAX_REMEMBERED = 500
"""How long such a header may be: a hostile sender must not fill the memory."""

_TIME, _SECURITY, _NUMBER = 6, 7, 9
"""How many separators an MSH has before its time (MSH-7), security (MSH-8) and number (MSH-10)."""


@dataclass(frozen=True, slots=True, eq=False)
class _Said:
    """What headers have in common.

    `header` is one with another time and number; `composites` are its fields of several parts.
    """

    header: Segment
    composites: tuple[tuple[str, dict[str, str]], ...]


class Feed:
    """What is remembered of messages with the same separators: kinds of results, headers, shapes of lines.

    `before_result` is what stands before the fields of a result.
    """

    __slots__ = ("_said", "before_result", "encoding", "kinds", "shapes")

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self.before_result = f"\rOBX{encoding.field}"
        self.kinds = Kinds(encoding)
        self.shapes = Shapes(encoding)
        self._said: dict[str, _Said] = {}

    def read(self, line: str) -> Segment:
        """The dict of an MSH that has nothing special behind its separators, a new one each time."""
        separator, component = self.encoding.field, self.encoding.component
        parts = line.split(separator, _NUMBER + 1)
        if len(parts) <= _NUMBER or parts[_SECURITY] or len(line) > MAX_REMEMBERED:
            return read_header(line, self.encoding, is_plain=True)
        time, number = parts[_TIME], parts[_NUMBER]
        if not time or not number or component in time or component in number:
            return read_header(line, self.encoding, is_plain=True)
        parts[_TIME] = parts[_NUMBER] = "1"
        rest = separator.join(parts)
        said = self._said.get(rest) or self._learnt(rest)
        header = said.header.copy()
        for name, composite in said.composites:
            header[name] = composite.copy()
        header["f7"] = header["f7_1"] = time
        header["f10"] = header["f10_1"] = number
        return header

    def _learnt(self, rest: str) -> _Said:
        header = read_header(rest, self.encoding, is_plain=True)
        if len(self._said) >= REMEMBERED:
            self._said.clear()
        composites = tuple((name, value) for name, value in header.items() if isinstance(value, dict))
        said = self._said[rest] = _Said(header, composites)
        return said


@lru_cache(maxsize=2)
def feed_of(start: str) -> Feed | None:
    """What is remembered of messages whose header begins so: its fourth to eighth character.

    None where these are no separators.
    """
    encoding = Encoding.of(f"MSH{start}")
    return Feed(encoding) if encoding is not None else None
