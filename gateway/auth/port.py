"""What `auth` keeps between requests and processes."""

from typing import Protocol


class CredentialStore(Protocol):
    """Assertions that were used and tokens that were revoked, each until it would have expired anyway."""

    def claim(self, study: str, digest: str, until: int) -> bool:
        """True for the first who claims an assertion's digest; durable when it returns.

        `until` is the Unix second from which the entry may be forgotten.
        """

    def is_claimed(self, study: str, digest: str) -> bool:
        """Whether somebody claimed a digest before."""

    def revoke(self, study: str, digest: str, until: int) -> None:
        """Revokes the token of a digest; durable when it returns."""

    def is_revoked(self, study: str, digest: str) -> bool:
        """Whether the token of a digest was revoked."""


class GrantStore(Protocol):
    """Secrets that an app launch gives out, by their digests; each may be used once."""

    def keep(self, study: str, digest: str, family: str, until: int, body: bytes) -> None:
        """Keeps what a secret stands for, until a Unix second; `family` joins all that comes of one launch."""

    def take(self, study: str, digest: str, now: int) -> tuple[str, bytes | None] | None:
        """The family and what the secret stands for, for its first user; None for a secret that is not known.

        When a secret is used again its whole family ends, and is answered with None in the place of what it stood
        for: one of the two users stole it. One that has expired is answered alike.
        """

    def look(self, study: str, digest: str) -> tuple[str, bytes] | None:
        """The family and what a secret stands for, used or not; None for one that is not known."""

    def end(self, study: str, family: str) -> None:
        """Ends a family: none of its secrets is good any more."""
