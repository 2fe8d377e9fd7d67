"""Where a search runs, how it goes on from page to page, and the addresses of its pages.

A position in a sorted search tells what the last row was sorted by: it is sealed, as the parameters of a search that
was posted are.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote_plus

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.rest.messages.cursors import SEALED, Pairs, Position
from gateway.rest.parts import Parts
from gateway.search import Query

MAX_PARAMETERS: Final = 200
_QUOTED: Final = {code: quote_plus(chr(code)) for code in range(128)}


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
        return self.following(encoded(asked), after)

    def following(self, text: str, after: Position) -> str:
        """The address of the next page of a search whose parameters are `text`, encoded."""
        cursor = self.parts.cursors.write((self.study, self.path, text), after)
        return self._page(text, cursor.replace("=", "%3D"))  # no other letter of a cursor must be written so

    def link(self, asked: Pairs, cursor: str | None) -> str:
        """The address of a page."""
        return self.address(encoded(asked), cursor)

    def address(self, text: str, cursor: str | None) -> str:
        """The address of a page of a search whose parameters are `text`, encoded."""
        return self._page(text, "" if cursor is None else quote_plus(cursor))

    def _page(self, text: str, cursor: str) -> str:
        address = f"{self.base}/{self.path}" if self.path else self.base
        if cursor:
            text = f"{text}&_cursor={cursor}" if text else f"_cursor={cursor}"
        return f"{address}?{text}" if text else address


def understood(pairs: Pairs, query: Query) -> Pairs:
    """The pairs that the results are by: what links show, since a client knows by them what it was given."""
    return [pair for pair in pairs if pair not in query.left_out] if query.left_out else pairs


def encoded(pairs: Pairs) -> str:
    """The pairs as they stand in an address."""
    return "&".join([f"{_quoted(name)}={_quoted(value)}" for name, value in pairs])


def _quoted(text: str) -> str:
    """What `quote_plus` makes of the text, which takes ten times as long for most."""
    return text.translate(_QUOTED) if text.isascii() else quote_plus(text)


def pairs_of(text: bytes) -> Pairs:
    """The name-value pairs of a query string or form; where nothing stands between two `&` there is none."""
    if b"&&" in text or text[:1] == b"&" or text[-1:] == b"&":
        text = b"&".join(filter(None, text.split(b"&")))
    try:
        return parse_qsl(
            text.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(text),
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except UnicodeError:
        raise BadRequest(issue("rest.form")) from None
    except ValueError as error:
        many = "max number of fields" in str(error).lower()
        found = issue("rest.too-many-parameters", limit=MAX_PARAMETERS) if many else issue("rest.form")
        raise BadRequest(found) from None
