"""Text as search compares it: without case, accents, punctuation and superfluous white space.

See https://hl7.org/fhir/R4/search.html#string.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

FOLDED_LENGTH: Final = 200
"""How many characters of a folded text are indexed and asked for; texts that agree so far count as the same."""

WORD_LENGTH: Final = 40
"""How many characters of a word count in full-text search."""

_LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "\u0131": "i", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th"}
)
"""Letters with a stroke and ligatures, which Unicode does not decompose."""

_PUNCTUATION: Final = str.maketrans("", "", "!\"#%&'()*,-./:;?@[\\]_{}")
"""The ASCII characters of Unicode's punctuation categories; symbols such as + and $ stay."""

_WORD = re.compile(r"[^\W_]+")
_TAG = re.compile(r"<[^>]*>")


def without_tags(markup: str) -> str:
    """The text of XHTML: each tag becomes a space; character references stay."""
    return _TAG.sub(" ", markup)


@lru_cache(maxsize=1 << 13)
def fold(text: str) -> str:
    """The text as it is compared; "" when nothing but punctuation is in it."""
    if text.isascii():
        return " ".join(text.lower().translate(_PUNCTUATION).split())[:FOLDED_LENGTH]
    kept = (one for one in _base(text) if not unicodedata.category(one).startswith("P"))
    return " ".join("".join(kept).split())[:FOLDED_LENGTH]


def words(text: str) -> list[str]:
    """The runs of letters and digits in their order, folded."""
    plain = text.lower() if text.isascii() else _base(text)
    return [word[:WORD_LENGTH] for word in _WORD.findall(plain)]


def _base(text: str) -> str:
    """Lower case, and the base characters only."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(one for one in decomposed if not unicodedata.combining(one)).translate(_LETTERS)
