"""The newest observations of each code, of what the store gives as the newest of each set of codes.

Observations with a coding in common have one code; of those whose code is a text only, those with one text. The
newest of all tells a code, and then the newest of what is left.
"""

from collections.abc import Iterator
from typing import Any, Final

from gateway.core.codec import loads
from gateway.core.errors import Unprocessable
from gateway.core.issues import issue
from gateway.core.resources import Stored, Visibility
from gateway.search import Query
from gateway.store.port import ResourceStore

MAX_CODES: Final = 1_000


def newest_of_each(
    store: ResourceStore, query: Query, study: str, visibility: Visibility, most: int
) -> Iterator[Stored]:
    """At most `most` visible matches of each code, newest first; the code of the newest comes first.

    Raises `Unprocessable` for more than `MAX_CODES` codes.
    """
    left = [(row, _codes(loads(row.body).get("code"))) for row in store.newest(query, study, visibility, most)]
    for _number in range(MAX_CODES):
        if not left:
            return
        _newest, wanted = left[0]
        same = [row for row, codes in left if codes & wanted]
        left = [(row, codes) for row, codes in left if not codes & wanted]
        yield from same[:most]
    if left:
        raise Unprocessable(issue("rest.too-many-codes", limit=MAX_CODES))


def _codes(code: Any) -> frozenset[tuple[str, ...]]:
    """The codings, or the text where there are none: without regard to case and spaces; "" for no code at all."""
    concept = code if isinstance(code, dict) else {}
    codings = [one for one in concept.get("coding", ()) if isinstance(one, dict) and isinstance(one.get("code"), str)]
    if codings:
        return frozenset((str(one.get("system", "")), one["code"]) for one in codings)
    return frozenset({("".join(str(concept.get("text", "")).casefold().split()),)})
