"""Values by kind of parameter; each function raises ValueError saying what is expected.

See https://hl7.org/fhir/R4/search.html#ptypes.
"""

import re
from decimal import Context, Decimal
from typing import Final, cast, get_args

from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE, parse_interval
from gateway.search.canonical_units import UCUM, base_unit, converted
from gateway.search.folding import fold, words
from gateway.search.parsing.escaping import split, unescape
from gateway.search.query import Moment, OfType, Prefix, QuantityValue, Range, Token

PREFIXES: Final = frozenset(get_args(Prefix))

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")
_DATE: Final = re.compile(r"([a-z]{2})?(\d.*)\Z", re.ASCII)
_NUMBER: Final = re.compile(r"([a-z]{2})?([+-]?\d{1,20}(?:\.\d{1,20})?(?:[eE][+-]?\d{1,3})?)\Z", re.ASCII)
_CONTEXT: Final = Context(prec=200)
_PREFIX_NAMES: Final = "one of the prefixes eq ne gt lt ge le sa eb ap, or none"


def logical_id(part: str) -> str:
    """A resource's id."""
    if not _ID.match(part):
        raise ValueError("an id")
    return part


def token(part: str, *, folded: bool = False) -> Token:
    """`code`, `system|code`, `|code`, `system|`; `folded` codes compare without case."""
    parts = [unescape(piece) for piece in split(part, "|")]
    code = parts[-1].lower() if folded else parts[-1]
    if len(parts) == 1:
        return Token(None, code)
    if len(parts) > 2 or parts == ["", ""]:
        raise ValueError("code, system|code, |code or system|")
    return Token(parts[0], code or None)


def of_type(part: str) -> OfType:
    """`system|code|value`; the system may be empty."""
    parts = [unescape(piece) for piece in split(part, "|")]
    if len(parts) != 3 or not all(parts[1:]):
        raise ValueError("system|code|value")
    return OfType(*parts)


def moment(part: str, now: int | None) -> Moment:
    """A date with its prefix. `ap` is widened by a tenth of its distance from `now`, where that is given."""
    found = _DATE.match(part)
    # A plus sign that was not encoded came as a space.
    interval = parse_interval(found[2].replace(" ", "+")) if found else None
    if not found or not interval or (found[1] and found[1] not in PREFIXES):
        raise ValueError("a date with " + _PREFIX_NAMES)
    prefix, low, high = cast(Prefix, found[1] or "eq"), interval.low, interval.high
    if prefix == "ap" and now is not None:
        margin = max(low - now, now - high, 0) // 10
        low, high = low - margin, high + margin
    return Moment(prefix, max(low, FOREVER_BEFORE), min(high, FOREVER_AFTER))


def number(part: str) -> Range:
    """A number with its prefix."""
    prefix, low, high = _number(part)
    return Range(prefix, float(low), float(high))


def quantity(part: str) -> QuantityValue:
    """`number`, `number|system|code`, `number||code`, `number|system|`; UCUM units in their base units too."""
    pieces = [unescape(piece) for piece in split(part, "|")]
    if len(pieces) not in (1, 3):
        raise ValueError("number, number|system|code or number||code")
    prefix, low, high = _number(pieces[0])
    system, code = (pieces[1] or None, pieces[2] or None) if len(pieces) == 3 else (None, None)
    plain = QuantityValue(Range(prefix, float(low), float(high)), system, code)
    base = base_unit(code) if system == UCUM and code else None
    if base is None:
        return plain
    first, last = converted(base[1], low), converted(base[1], high)
    if first is None or last is None:
        return plain
    return QuantityValue(plain.range, system, code, base[0], Range(prefix, min(first, last), max(first, last)))


def _number(part: str) -> tuple[Prefix, Decimal, Decimal]:
    """The prefix and the two ends of a `Range`: half of the last digit around it where digits count."""
    found = _NUMBER.match(part)
    if not found or (found[1] and found[1] not in PREFIXES):
        raise ValueError("a number with " + _PREFIX_NAMES)
    prefix, value = cast(Prefix, found[1] or "eq"), Decimal(found[2])
    exponent = value.as_tuple().exponent
    margin = Decimal((0, (5,), int(exponent) - 1))
    if prefix == "ap":
        margin = max(margin, _CONTEXT.abs(_CONTEXT.divide(value, Decimal(10))))
    elif prefix not in ("eq", "ne"):
        margin = Decimal(0)
    return prefix, _CONTEXT.subtract(value, margin), _CONTEXT.add(value, margin)


def string(part: str) -> str:
    """A text, folded."""
    found = fold(unescape(part))
    if not found:
        raise ValueError("text with a letter or digit")
    return found


def hierarchical_uri(part: str) -> str:
    """A URL; URNs have nothing above or below them."""
    found = unescape(part)
    if "://" not in found:
        raise ValueError("a URL, which is what has something above or below it")
    return found


def phrases(part: str, limit: int) -> list[tuple[str, ...]]:
    """The alternatives of a full-text search, each the words that must all be there; `OR` stands between them."""
    text = unescape(part)
    found = [
        tuple(dict.fromkeys(word for piece in re.split(r"\bAND\b", phrase) for word in words(piece)))
        for phrase in re.split(r"\bOR\b", text)
    ]
    if not all(found) or any(len(phrase) > limit for phrase in found) or set(text) & set('()"'):
        raise ValueError(f"words, at most {limit}, with OR between alternatives and without parentheses or quotes")
    return found
