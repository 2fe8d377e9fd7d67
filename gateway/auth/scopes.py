"""SMART scopes, version 2 with version 1's words: what a client may do with a resource type.

`system/Observation.rs` reads and searches; `.read` means `rs`, `.write` means `cud`, `.*` means `cruds`. Only
`system/` scopes are offered: `user/` and `patient/` need a login, and scopes with a query need a filter in SQL.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, TypeAlias

from gateway.core.errors import BadRequest
from gateway.core.issues import issue

Letter: TypeAlias = Literal["c", "r", "u", "d", "s"]

_SCOPE = re.compile(r"system/(\*|[A-Z][A-Za-z]{1,63})\.(?:(c?r?u?d?s?)|(read|write|\*))\Z")
_WORDS = MappingProxyType({"read": "rs", "write": "cud", "*": "cruds"})


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope: a resource type, or "*" for every type, and letters of `cruds`."""

    type: str
    letters: str

    @classmethod
    def parse(cls, text: str) -> "Scope":
        """The scope that `text` writes; raises `BadRequest` for any other, in wrong order (`.sr`) too."""
        found = _SCOPE.match(text)
        letters = found and (found[2] or _WORDS.get(found[3] or "", ""))
        if not found or not letters:
            raise BadRequest(issue("auth.scope-syntax"))
        return cls(found[1], letters)

    def allows(self, type: str, letter: Letter) -> bool:
        """Whether the scope permits to create (c), read (r), update (u), delete (d) or search (s) the type."""
        return self.type in ("*", type) and letter in self.letters


def scope_allows(scopes: Iterable[str], type: str, letter: Letter) -> bool:
    """Whether one of the scopes, as text, permits the interaction; a scope that is not understood permits nothing."""
    return any(scope.allows(type, letter) for text in scopes if (scope := _understood(text)))


def narrowed(asked: Iterable[str], held: Iterable[str]) -> tuple[str, ...]:
    """What both lists of scopes permit, in the order of `asked`; asking for more is no fault (RFC 6749, 3.3).

    `system/Observation.rs` asked and `system/*.read` held gives `system/Observation.rs`. Scopes that are not
    understood give nothing.
    """
    found: dict[str, None] = {}
    registered = set(held)
    for text in asked:
        one = _understood(text)
        if one is None or text in registered:
            found |= {text: None} if one else {}
            continue
        for other in (scope for own in registered if (scope := _understood(own))):
            kind = other.type if one.type == "*" else one.type if other.type in ("*", one.type) else ""
            letters = "".join(letter for letter in "cruds" if letter in one.letters and letter in other.letters)
            if kind and letters:
                found[f"system/{kind}.{letters}"] = None
    return tuple(found)


@lru_cache(maxsize=1024)
def _understood(text: str) -> Scope | None:
    try:
        return Scope.parse(text)
    except BadRequest:
        return None
