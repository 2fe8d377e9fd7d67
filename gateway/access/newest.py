"""The newest observations of each code, found by searches that an index answers.

The newest of all tells a code; the newest of that code are taken, and the search goes on without it. So it takes two
searches a code, however many observations there are. An observation whose code is text only is a code of its own.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from gateway.core.codec import loads
from gateway.core.errors import Unprocessable
from gateway.core.issues import issue
from gateway.core.resources import Stored, Visibility
from gateway.search import Query
from gateway.search.query import Clause, IdClause, NotClause, SortKey, Token, TokenClause
from gateway.store.port import Page, ResourceStore

MAX_CODES: Final = 200
NEWEST_FIRST: Final = (SortKey("date", descending=True),)


def newest_of_each(
    store: ResourceStore, query: Query, study: str, visibility: Visibility, most: int
) -> Iterator[Stored]:
    """At most `most` visible matches of each code, newest first; the code of the newest comes first.

    Raises `Unprocessable` for more than `MAX_CODES` codes.
    """
    without: tuple[Clause, ...] = ()
    for _number in range(MAX_CODES):
        rest = replace(query, clauses=(*query.clauses, *without), sort=NEWEST_FIRST)
        found = store.search(rest, study, visibility, Page(1)).rows
        if not found:
            return
        tokens = _tokens(loads(found[0].body).get("code"))
        if not tokens:
            yield found[0]
            without = (*without, NotClause(IdClause((found[0].key.id,))))
            continue
        same = TokenClause("code", tokens)
        of_code = replace(rest, clauses=(*rest.clauses, same))
        yield from store.search(of_code, study, visibility, Page(most)).rows
        without = (*without, NotClause(same))
    raise Unprocessable(issue("rest.too-many-codes", limit=MAX_CODES))


def _tokens(code: Any) -> tuple[Token, ...]:
    codings = code.get("coding", ()) if isinstance(code, dict) else ()
    return tuple(
        Token(coding.get("system", ""), coding["code"])
        for coding in codings
        if isinstance(coding, dict) and isinstance(coding.get("code"), str)
    )
