"""Several searches as one result, one after the other."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from gateway.core.resources import Key, Stored, Visibility
from gateway.search import Query
from gateway.store.port import Found, Page, Position, ResourceStore


def one_after_another(
    store: ResourceStore, queries: Sequence[Query], study: str, visibility: Visibility, page: Page
) -> Found:
    """One page over the results; the total is told when every query asks for one.

    A position is the number of the search and the position in it; a search that none is left of is passed over.
    """
    number, after = _place(page.after)
    rows: list[Stored] = []
    included: dict[Key, Stored] = {}
    is_cut, onward = False, cast("Position | None", None)
    while number < len(queries) and onward is None:
        left = page.count - len(rows)
        if left == 0:
            onward = (number,) if page.count else None
            break
        found = store.search(queries[number], study, visibility, Page(left, after))
        rows += found.rows
        included |= {row.key: row for row in found.included}
        is_cut = is_cut or found.is_cut
        onward = None if found.next is None else (number, *found.next)
        number, after = number + 1, None
    if onward is not None and len(onward) == 1 and not _is_any_left(store, queries[number:], study, visibility):
        onward = None
    for row in rows:
        included.pop(row.key, None)
    total = _total(store, queries, study, visibility)
    return Found(tuple(rows), total, onward, tuple(included.values()), is_cut)


def _place(after: Position | None) -> tuple[int, Position | None]:
    if not after:
        return 0, None
    number, *rest = after
    return int(number), tuple(rest) or None


def _is_any_left(store: ResourceStore, queries: Sequence[Query], study: str, visibility: Visibility) -> bool:
    return any(store.search(replace(query, includes=()), study, visibility, Page(1)).rows for query in queries)


def _total(store: ResourceStore, queries: Sequence[Query], study: str, visibility: Visibility) -> int | None:
    if not queries or not all(query.total for query in queries):
        return None
    return sum(store.search(query, study, visibility, Page(0)).total or 0 for query in queries)
