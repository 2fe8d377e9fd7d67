"""MSH lines of HL7 v2: what a feed says in every message, and the time and number of the message.

The header of a feed is the same again and again but for these two, so that the rest of it is read once
(`gateway.formats.hl7v2`).
"""

from functools import lru_cache

from gateway.formats.hl7v2_orders import OrderKinds
from gateway.formats.hl7v2_results import Kinds
from gateway.formats.hl7v2_segments import Encoding, Segment, copied, read_header
from gateway.formats.hl7v2_shapes import Shapes

REMEMBERED = 256
"""Of how many headers it is remembered what they say beside time and number."""

MAX_REMEMBERED = 500
"""How long such a header may be: a hostile sender must not fill the memory."""

_TIME, _SECURITY, _NUMBER = 6, 7, 9
"""How many separators an MSH has before its time (MSH-7), security (MSH-8) and number (MSH-10)."""


class Feed:
    """What is remembered of messages with the same separators: headers, shapes of lines, kinds of orders and results.

    `before_result` is what stands before the fields of a result, `before_patient` before those of a patient.
    """

    __slots__ = ("_said", "before_patient", "before_result", "encoding", "kinds", "orders", "shapes")

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self.before_patient = f"PID{encoding.field}"
        self.before_result = f"\rOBX{encoding.field}"
        self.kinds = Kinds(encoding)
        self.orders: OrderKinds = {}
        self.shapes = Shapes(encoding)
        self._said: dict[str, Segment] = {}

    def read(self, line: str) -> Segment:
        """The dict of an MSH that has nothing special behind its separators, a new one each time."""
        told = self.told(line)
        return read_header(line, self.encoding, is_plain=True) if told is None else header_of(*told)

    def told(self, line: str) -> tuple[Segment, str, str] | None:
        """A header that says the same beside its time and number, not to be changed, and these two.

        None for one that is not as most are.
        """
        separator, component = self.encoding.field, self.encoding.component
        parts = line.split(separator, _NUMBER + 1)
        if len(parts) <= _NUMBER or parts[_SECURITY] or len(line) > MAX_REMEMBERED:
            return None
        time, number = parts[_TIME], parts[_NUMBER]
        if not time or not number or component in time or component in number:
            return None
        parts[_TIME] = parts[_NUMBER] = "1"
        rest = separator.join(parts)
        return self._said.get(rest) or self._learnt(rest), time, number

    def _learnt(self, rest: str) -> Segment:
        if len(self._said) >= REMEMBERED:
            self._said.clear()
        said = self._said[rest] = read_header(rest, self.encoding, is_plain=True)
        return said


def header_of(said: Segment, time: str, number: str) -> Segment:
    """The dict of a header, a new one each time."""
    header = copied(said)
    header["f7"] = header["f7_1"] = time
    header["f10"] = header["f10_1"] = number
    return header


@lru_cache(maxsize=2)
def feed_of(start: str) -> Feed | None:
    """What is remembered of messages whose header begins so: its fourth to eighth character.

    None where these are no separators.
    """
    encoding = Encoding.of(f"MSH{start}")
    return Feed(encoding) if encoding is not None else None
