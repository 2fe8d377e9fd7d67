"""The languages that displays are wanted in, as Accept-Language writes them (RFC 9110, 12.5.4)."""

import re
from dataclasses import dataclass

from gateway.core.errors import BadRequest
from gateway.core.issues import issue

_RANGE = re.compile(
    r"(\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)(?:\s*;\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?\Z"
)
MAX_RANGES = 50


@dataclass(frozen=True, slots=True)
class Languages:
    """Language tags, most wanted first; `text` is what was asked for, "" when nothing was.

    `only` is True when a language that is not among them is not wanted at all (`de, *; q=0`).
    """

    text: str = ""
    tags: tuple[str, ...] = ()
    only: bool = False

    @classmethod
    def parse(cls, text: str) -> "Languages":
        """The languages that `text` names; raises `BadRequest` for anything that is no list of languages."""
        ranges: list[tuple[float, str]] = []
        for part in text.split(",")[:MAX_RANGES] if text.strip() else ():
            found = _RANGE.match(part.strip())
            if not found:
                raise BadRequest(issue("terminology.language"))
            ranges.append((float(found[2] or "1"), found[1]))
        ordered = sorted(ranges, key=lambda entry: -entry[0])
        tags = tuple(tag for quality, tag in ordered if quality > 0 and tag != "*")
        return cls(text.strip(), tags, (0.0, "*") in ranges)

    def __bool__(self) -> bool:
        return bool(self.tags)

    def wants(self, tag: str) -> bool:
        """True when `tag` is one of the languages or a variety of one (`de-CH` of `de`)."""
        return any(speaks(tag, wanted) for wanted in self.tags)


def speaks(tag: str, wanted: str) -> bool:
    """True when the language `tag` is `wanted` or a variety of it."""
    low, asked = tag.lower(), wanted.lower()
    return low == asked or low.startswith(asked + "-")
