"""Whether a principal's scopes allow an interaction on a type; on which of its resources, `ScopeLimits` tells."""

from typing import Final

from gateway.auth import scope_allows, scope_reaches
from gateway.core.errors import Forbidden
from gateway.core.issues import issue
from gateway.core.principal import Principal

NAMES: Final = {"c": "create", "r": "read", "u": "update", "d": "delete", "s": "search"}
_ANY: Final = "*"


def may(principal: Principal, kind: str, *letters: str) -> bool:
    """True when the scopes allow every interaction letter of `cruds` on the type, or on some of its resources."""
    if len(letters) == 1:
        return scope_reaches(principal.scopes, kind, letters[0])
    return all(scope_reaches(principal.scopes, kind, letter) for letter in letters)


def require_scope(principal: Principal, kind: str, *letters: str) -> None:
    """Raises `Forbidden` unless the principal's scopes allow every interaction letter on the type."""
    for letter in letters:
        if not scope_reaches(principal.scopes, kind, letter):
            raise Forbidden(issue("auth.scope", interaction=NAMES[letter], type=kind))


def require_whole(principal: Principal, kind: str, *letters: str) -> None:
    """Raises `Forbidden` unless the scopes allow the interactions on the whole type, whatever the resource."""
    for letter in letters:
        if not scope_allows(principal.scopes, kind, letter):  # type: ignore[arg-type]
            raise Forbidden(issue("auth.scope", interaction=NAMES[letter], type=kind))


def types_within(principal: Principal, *letters: str) -> tuple[str, ...] | None:
    """The types on which the scopes allow every letter, sorted; None for all types there are."""
    if may(principal, _ANY, *letters):
        return None
    named = {text.partition("/")[2].partition(".")[0] for text in principal.scopes}
    return tuple(sorted(kind for kind in named - {_ANY} if may(principal, kind, *letters)))
