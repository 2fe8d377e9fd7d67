"""SMART scopes, version 2 with version 1's words: what a client may do with which resources.

`system/Observation.rs` reads and searches; `.read` means `rs`, `.write` means `cud`, `.*` means `cruds`. `user/` is
for what a person may do, as the client's role allows, `patient/` for the one participant of the token.
`patient/Observation.rs?category=vital-signs` is narrowed to the resources that match. Whatever is not understood
permits nothing. See https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, cast

from gateway.core.errors import BadRequest
from gateway.core.issues import issue

Letter: TypeAlias = Literal["c", "r", "u", "d", "s"]
Context: TypeAlias = Literal["patient", "user", "system"]

IDENTITY: Final = frozenset({"openid", "fhirUser", "profile", "launch", "launch/patient", "offline_access"})
"""Scopes that ask for something else than resources: who the user is, a participant, a refresh token."""

REGISTRY_READ: Final = "__clientRegistry.read"
REGISTRY_MANAGE: Final = "__clientRegistry.manage"
"""Scopes of the gateway's own (SMART lets a server have such, with this prefix): to see the registry of clients, and
to take its steps. No scope about resources means them, a wildcard neither."""

REGISTRY: Final = frozenset({REGISTRY_READ, REGISTRY_MANAGE})

_SCOPE = re.compile(
    r"(patient|user|system)/(\*|[A-Z][A-Za-z]{1,63})\.(?:(c?r?u?d?s?)|(read|write|\*))"
    r"(?:\?([\x21\x23-\x5b\x5d-\x7e]{1,500}))?\Z"
)
_WORDS = MappingProxyType({"read": "rs", "write": "cud", "*": "cruds"})


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope: a resource type or "*" for every type, letters of `cruds`, and the query as it was written or ""."""

    type: str
    letters: str
    context: Context = "system"
    query: str = ""

    @classmethod
    def parse(cls, text: str) -> "Scope":
        """The scope that `text` writes; raises `BadRequest` for any other, in wrong order (`.sr`) too.

        A query needs one type, and letters: version 1's words have none.
        """
        found = _SCOPE.match(text)
        letters = found and (found[3] or _WORDS.get(found[4] or "", ""))
        if not found or not letters or (found[5] and (found[4] or found[2] == "*")):
            raise BadRequest(issue("auth.scope-syntax"))
        return cls(found[2], letters, cast(Context, found[1]), found[5] or "")

    @property
    def is_whole(self) -> bool:
        """Whether it reaches every resource of its type: of any participant, without a query."""
        return self.context != "patient" and not self.query

    def allows(self, type: str, letter: Letter) -> bool:
        """Whether the scope permits to create (c), read (r), update (u), delete (d) or search (s) the type."""
        return self.type in ("*", type) and letter in self.letters

    def __str__(self) -> str:
        return f"{self.context}/{self.type}.{self.letters}{'?' if self.query else ''}{self.query}"


def understood(scopes: Iterable[str]) -> Iterator[Scope]:
    """Those of the scopes, as text, that are about resources; one that is not understood is left out."""
    return (scope for text in scopes if (scope := _understood(text)))


def scope_allows(scopes: Iterable[str], type: str, letter: Letter) -> bool:
    """Whether one of the scopes permits the interaction with every resource of the type."""
    return any(scope.is_whole and scope.allows(type, letter) for scope in understood(scopes))


@lru_cache(maxsize=4096)
def scope_reaches(scopes: tuple[str, ...], type: str, letter: Letter) -> bool:
    """Whether one of the scopes permits the interaction with resources of the type, though perhaps not with all."""
    return any(scope.allows(type, letter) for scope in understood(scopes))


def reaches_as_far(scopes: Iterable[str], others: Iterable[str], type: str, letters: str) -> bool:
    """Whether `scopes` permit the interactions with the whole type, or with all of it that `others` permit.

    Narrower queries are compared as they are written.
    """
    held = set(understood(scopes))
    for letter in letters:
        allowing = {scope for scope in held if scope.allows(type, letter)}  # type: ignore[arg-type]
        wanted = {scope for scope in understood(others) if scope.allows(type, letter)}  # type: ignore[arg-type]
        if not allowing or not (wanted <= allowing or any(scope.is_whole for scope in allowing)):
            return False
    return True


def narrowed(asked: Iterable[str], held: Iterable[str]) -> tuple[str, ...]:
    """What both lists of scopes permit, in the order of `asked`; asking for more is no fault (RFC 6749, 3.3).

    `system/Observation.rs` asked and `system/*.read` held gives `system/Observation.rs`. Scopes of different contexts
    have nothing in common; of two queries both must hold. Scopes that are not understood give nothing.
    """
    found: dict[str, None] = {}
    registered = set(held)
    for text in asked:
        one = _understood(text)
        if text in registered and (one or text in IDENTITY or text in REGISTRY):
            found |= {text: None}
        elif one:
            found |= {str(both): None for other in understood(sorted(registered)) if (both := _both(one, other))}
    return tuple(found)


def _both(one: Scope, other: Scope) -> Scope | None:
    """What two scopes both permit, None for nothing."""
    kind = other.type if one.type == "*" else one.type if other.type in ("*", one.type) else ""
    letters = "".join(letter for letter in "cruds" if letter in one.letters and letter in other.letters)
    if not kind or not letters or one.context != other.context:
        return None
    queries = dict.fromkeys(query for query in (one.query, other.query) if query)
    return Scope(kind, letters, one.context, "&".join(queries))


@lru_cache(maxsize=1024)
def _understood(text: str) -> Scope | None:
    try:
        return Scope.parse(text)
    except BadRequest:
        return None
