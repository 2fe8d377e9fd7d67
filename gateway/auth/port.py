"""What `auth` keeps between requests and processes."""

from typing import Protocol


class CredentialStore(Protocol):
    """Assertions that were used and tokens that were revoked, each until it would have expired anyway."""

    def claim(self, study: str, digest: str, until: int) -> bool:
        """True for the first who claims an assertion's digest; durable when it returns.

        `until` is the Unix second from which the entry may be forgotten.
        """

    def revoke(self, study: str, digest: str, until: int) -> None:
        """Revokes the token of a digest; durable when it returns."""

    def is_revoked(self, study: str, digest: str) -> bool:
        """Whether the token of a digest was revoked."""
