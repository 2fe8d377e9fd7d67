"""OBR lines of HL7 v2: what an order has in common with others of its panel, and the texts of its own.

A laboratory says the same of a panel again and again. An order is told by its kind, the header of its message and a
few texts, and the dicts of both segments are made when something looks at them (`gateway.formats.hl7v2`).
"""

from dataclasses import dataclass
from operator import itemgetter
from types import MappingProxyType
from typing import Final, TypeAlias

from gateway.formats.decoded import AlikeRecords
from gateway.formats.hl7v2_segments import Encoding, Segment, copied, read_plain

REMEMBERED: Final = 512
MAX_REMEMBERED: Final = 300
"""How many kinds of OBR are remembered, and how long a line may be: a hostile sender must not fill the memory."""

_OWN: Final = (1, 2, 3, 7, 8, 14, 22)
"""The numbers and times of an order."""

_SHARED: Final = frozenset((4, 5, 11, 24, 25))
"""Service, priority, action, section and status, which say nothing of whom the order is about."""

_LAST: Final = 25
_OTHERS: Final = tuple(number for number in range(_LAST + 1) if number not in _OWN)
_own, _rest = itemgetter(*_OWN), itemgetter(*_OTHERS)
_PLACES: Final = tuple((position, f"f{number}", f"f{number}_1") for position, number in enumerate(_OWN, 4))
"""Where a row has an order's own texts, behind kind, header, and time and number of that; and the names of these."""


@dataclass(frozen=True, slots=True, eq=False)
class OrderKind:
    """What orders have in common: one object for the same lines but for numbers and times.

    `item` has an order of the kind with texts that mean nothing.
    """

    item: dict[str, Segment]


OrderKinds: TypeAlias = dict[tuple[str, ...], OrderKind]
"""Kinds by what their lines say beside numbers and times."""

OrderRow: TypeAlias = tuple[
    OrderKind, Segment, str, str, str | None, str | None, str | None, str | None, str | None, str | None, str | None
]
"""An order: its kind, a header like that of its message, the time and number of that, and the fields of `ORDERS`."""

ORDERS: Final = AlikeRecords(
    base="OBR",
    texts=MappingProxyType({name: position for position, *names in _PLACES for name in names}),
    sure=frozenset(),
    common="MSH",
    said=MappingProxyType({"f7": 2, "f7_1": 2, "f10": 3, "f10_1": 3}),
    own=frozenset(("OBSERVATION", "PATIENT")),
)


def order_row(line: str, told: tuple[Segment, str, str], encoding: Encoding, kinds: OrderKinds) -> OrderRow | None:
    """The row of an OBR line that has nothing special, in a message with such a header.

    None for another line, for one that says more than is usual, or has parts where numbers and times are.
    """
    separator = encoding.field
    parts = line.split(separator)
    if len(parts) <= _LAST:
        parts += [""] * (_LAST + 1 - len(parts))
    elif len(parts) > _LAST + 1 and any(parts[_LAST + 1 :]):
        return None
    texts, rest = _own(parts), _rest(parts)
    if encoding.component in "".join(texts):
        return None
    kind = kinds.get(rest) or _learnt(line, rest, encoding, kinds)
    if kind is None:
        return None
    header, time, control = told
    number, placer, filler, collected, until, received, reported = texts
    return (kind, header, time, control, number or None, placer or None, filler or None, collected or None,
            until or None, received or None, reported or None)  # fmt: skip


def _learnt(line: str, rest: tuple[str, ...], encoding: Encoding, kinds: OrderKinds) -> OrderKind | None:
    """A new kind, which is known then; None for an order that says what is not the same for all of its kind."""
    texts = {number: text for number, text in zip(_OTHERS, rest, strict=True) if text}
    if texts.pop(0, "") != "OBR" or len(line) > MAX_REMEMBERED or not texts.keys() <= _SHARED:
        return None
    fields = (texts.get(number, "1" if number in _OWN else "") for number in range(1, _LAST + 1))
    if len(kinds) >= REMEMBERED:
        kinds.clear()
    made = kinds[rest] = OrderKind({"OBR": read_plain(encoding.field.join(("OBR", *fields)), encoding)})
    return made


def fill_order(order: Segment, row: OrderRow) -> None:
    """Puts the fields of an order into its dict."""
    order.update(copied(row[0].item["OBR"]))
    for position, field, first in _PLACES:
        text = row[position]
        if text is None:
            del order[field], order[first]
        else:
            order[field] = order[first] = text
