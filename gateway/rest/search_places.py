"""Where a search runs, how it goes on from page to page, and the addresses of its pages.

A position in a sorted search tells what the last row was sorted by: it is sealed, as the parameters of a search that
was posted are.
"""

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote_plus

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.rest.cursors import SEALED, Pairs, Position
from gateway.rest.parts import Parts


@dataclass(frozen=True, slots=True)
class SearchPlace:
    """The place of a search: `path` is the address below the base, `Observation`, `Patient/1/Observation` or ""."""

    parts: Parts
    study: str
    path: str

    @property
    def base(self) -> str:
        """The FHIR base."""
        return self.parts.fhir_base(self.study)

    def read(self, asked: Pairs, cursor: str | None) -> tuple[Pairs, Position | None, bool]:
        """The search, the position after which it goes on, and whether both came sealed; raises `BadRequest`."""
        if cursor is None:
            return asked, None, False
        if cursor.startswith(SEALED):
            if asked:
                raise BadRequest(issue("rest.cursor"))
            return *self.parts.cursors.unseal(self.study, self.path, cursor), True
        return asked, self.parts.cursors.read((self.study, self.path, encoded(asked)), cursor), False

    def next(self, asked: Pairs, after: Position, *, sealed: bool) -> str:
        """The address of the next page; of a search that was posted it shows nothing of the search."""
        cursors = self.parts.cursors
        if sealed:
            return self.link([], cursors.seal(self.study, self.path, asked, after))
        return self.link(asked, cursors.write((self.study, self.path, encoded(asked)), after))

    def link(self, asked: Pairs, cursor: str | None) -> str:
        """The address of a page."""
        pairs = asked if cursor is None else [*asked, ("_cursor", cursor)]
        address = f"{self.base}/{self.path}" if self.path else self.base
        return f"{address}?{encoded(pairs)}" if pairs else address


def encoded(pairs: Pairs) -> str:
    """The pairs as they stand in an address."""
    return "&".join([_encoded(*pair) for pair in pairs])


@lru_cache(maxsize=1 << 12)
def _encoded(name: str, value: str) -> str:
    return f"{quote_plus(name)}={quote_plus(value)}"
