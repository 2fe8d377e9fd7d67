"""Plain searches: what they ask is kept by their text, since clients ask again and again.

A plain search asks for a page of whole resources of one type, and perhaps for what they refer to, or how many there
are: no modifier, other include or part of resources. Only what its text says is kept; who asks, consent and data are
looked at each time.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from gateway.access import Bodies, Found, Page
from gateway.core.errors import BadRequest
from gateway.core.instants import micros
from gateway.core.issues import issue
from gateway.rest.messages.bundles import searchset, whole_searchset
from gateway.rest.messages.cursors import Position
from gateway.rest.parts import Parts
from gateway.rest.searching.places import SearchPlace, encoded, pairs_of, understood
from gateway.search import Limits, Query, parse

LONGEST: Final = 600
"""Up to how many characters of parameters a search may run on the event loop."""

COUNT: Final = 50
"""Up to how many resources a page of such a search may have."""

KEPT: Final = 1_000
"""How many searches are kept as they are read."""

WAYS: Final = 8
"""In how many ways a chain may be read on the event loop: one for each type that it may lead to."""

_PLAIN: Final = re.compile(
    rb"(?:(?:\A|(?<=[!-~])&)(?:"
    rb"(?:(?:[A-Za-z-]+(?:(?::|%3A)[A-Za-z]+)?\.)*(?:[A-Za-z-]+|_id|_tag|_profile|_lastUpdated)|_sort|_count)=[!-%'-~]*"
    rb"|_include=[A-Za-z]+(?:(?::|%3A)[A-Za-z-]+){1,2}"
    rb"|_summary=count|_total=(?:none|estimate|accurate)))*"
    rb"(?:(?:\A|(?<=[!-~])&)_cursor=[A-Za-z0-9_%=-]+)?\Z"
)
_APPROXIMATE: Final = re.compile(rb"ap[0-9%]|%61|%70")
"""What may be a date that depends on the present."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A plain search: `text` are its parameters as its links show them."""

    query: Query
    place: SearchPlace
    text: str
    count: int

    def page(self, cursor: str | None) -> Page:
        """The page that a cursor leads to; raises `BadRequest`."""
        if cursor is None:
            return Page(self.count)
        place = self.place
        return Page(self.count, place.parts.cursors.read((place.study, place.path, self.text), cursor))

    def answer(self, found: Bodies, cursor: str | None) -> bytes:
        """The Bundle of a page."""
        return whole_searchset(self.place.base, found, self._links(found.next, cursor), self.query.ignored)

    def answer_found(self, found: Found, cursor: str | None) -> bytes:
        """The Bundle of a page that was searched for in a thread."""
        links = self._links(found.next, cursor)
        told = (*self.query.ignored, *((issue("rest.includes-cut"),) if found.is_cut else ()))
        return searchset(self.place.base, found.rows, links, found.total, included=found.included, ignored=told)

    def _links(self, following: Position | None, cursor: str | None) -> dict[str, str]:
        links = {"self": self.place.address(self.text, cursor)}
        if following is not None:
            links["next"] = self.place.following(self.text, following)
        return links


class BriefSearches:
    """Reads plain searches of one installation."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._kept = lru_cache(maxsize=KEPT)(self._read_briefly)

    def takes(self, text: bytes) -> bool:
        """Whether a query string is that of a plain search; what else it may be is read elsewhere."""
        return self._parts.reads_on_loop and is_plain(text)

    def read(self, study: str, type: str, text: bytes, *, lenient: bool) -> tuple[Plain, str | None] | None:
        """The search and the cursor of its page, None for one that takes its time to be read; raises `BadRequest` as
        `parse` does."""
        asked, _, cursor = text.partition(b"_cursor=")
        read = self._read_briefly if _APPROXIMATE.search(asked) else self._kept
        plain = read(study, type, asked.removesuffix(b"&"), lenient)
        return None if plain is None else (plain, _cursor(cursor))

    def read_slowly(self, study: str, type: str, text: bytes, *, lenient: bool) -> tuple[Plain, str | None]:
        """The same of any, for a thread."""
        asked, _, cursor = text.partition(b"_cursor=")
        plain = self._read(study, type, asked.removesuffix(b"&"), lenient, self._parts.limits)
        return plain, _cursor(cursor)

    def _read_briefly(self, study: str, type: str, text: bytes, lenient: bool) -> Plain | None:
        limits = self._parts.limits
        try:
            return self._read(study, type, text, lenient, replace(limits, branches=min(WAYS, limits.branches)))
        except BadRequest as error:
            if any(fault.rule == "search.too-many-ways" for fault in error.issues):
                return None
            raise

    def _read(self, study: str, type: str, text: bytes, lenient: bool, limits: Limits) -> Plain:
        parts = self._parts
        place, pairs = SearchPlace(parts, study, type), pairs_of(text)
        query = parse(
            type,
            pairs,
            parts.parameters.of_study(study),
            place.base,
            strict=not lenient,
            limits=limits,
            terminology=parts.terminology,
            now=micros(parts.clock()),
        )
        count = parts.page_size if query.count is None else min(query.count, parts.page_limit)
        return Plain(query, place, encoded(understood(pairs, query)), count)


def _cursor(text: bytes) -> str | None:
    return pairs_of(b"_cursor=" + text)[0][1] if text else None


def is_plain(text: bytes) -> bool:
    """Whether a query string is that of a plain search, and short."""
    return len(text) <= LONGEST and _PLAIN.match(text) is not None
