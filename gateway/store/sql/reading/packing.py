"""A page as one row, since SQLite lets go of the interpreter at each: its columns as texts, read apart again here.

Ids, instants and keys have no comma, JSON has no control character outside of strings but white space, and none
within.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import LargeBinary, Select, String, and_, bindparam, case, cast, func
from sqlalchemy import select as sql_select

from gateway.store.port import Bodies
from gateway.store.sql.tables import MANY_PAIRS, ONE_PAIR

PACKED: Final = 20_000
"""How long a body may be that stands with others in one row."""

SEPARATOR: Final = "\x1e" * 32
"""What stands between bodies in one row: where it is long, Python looks at few of the bytes between two."""

SEVERAL: Final = "*"
"""In place of the pair of a resource that has several."""

_WHOSE: Final = "\n"
_BETWEEN: Final = SEPARATOR.encode()
_numbers: Final = msgspec.json.Decoder(list[int]).decode


def packed(page: Select[Any], *, is_about: bool) -> Select[Any]:
    """The columns of a page's rows as one row: `at`, `pk`, `version`, `id`, whose data each is, and the bodies.

    Whose: `subject/domain`, `SEVERAL`, or nothing; if the page `is_about` a participant the domain alone, `SEVERAL`
    for what is not this participant's alone. A body too large for this is left out.
    """
    at, pk, id, version, body, level, subject, domain = page.subquery().c
    short = case((func.length(body) <= PACKED, cast(body, String)))
    bodies = cast(func.group_concat(short, SEPARATOR), LargeBinary)
    if is_about:
        own = and_(level == ONE_PAIR, subject == bindparam("about", type_=String))
        whose = case((own, domain), else_=SEVERAL)
    else:
        whose = case((level == ONE_PAIR, subject + "/" + domain), (level == MANY_PAIRS, SEVERAL), else_="")
    return sql_select(*map(func.group_concat, (at, pk, version, id)), func.group_concat(whose, _WHOSE), bodies)


def unpacked(type: str, row: Sequence[Any], count: int, about: str = "") -> Bodies | None:
    """The page of at most `count` resources in the row of a packed page; None when a body is not in it.

    A row of it is one more than the page, unless it is the last. `about` is the participant whose data it is.
    """
    at, pk, version, id, whose, packed = row[:6]
    if id is None:
        return empty(type)
    ids, bodies = id.split(","), packed.split(_BETWEEN) if packed else []
    places = list(zip(_numbers(f"[{at}]"), _numbers(f"[{pk}]"), strict=True))
    if len(bodies) != len(ids) or places != sorted(places, reverse=True):
        return None
    following = places[count - 1] if len(ids) > count else None
    versions = _numbers(f"[{version}]")
    pairs = _pairs(whose.split(_WHOSE)[:count], about)
    return Bodies(type, ids[:count], versions[:count], bodies[:count], following, pairs)


def empty(type: str) -> Bodies:
    """A page without resources."""
    return Bodies(type, (), (), (), None, ())


def _pairs(texts: Sequence[str], about: str) -> tuple[tuple[str, str], ...] | None:
    """The pairs of `subject/domain` texts, or of domains of `about`, each once; None when a resource has others."""
    told = set(texts)
    if SEVERAL in told:
        return None
    if about:
        return tuple((about, domain) for domain in told)
    told.discard("")
    return tuple((subject, domain) for subject, _, domain in (text.partition("/") for text in told))
