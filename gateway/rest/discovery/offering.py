"""Which interactions a resource type has: all of them, but for what nobody may do to it."""

from collections.abc import Mapping, Sequence
from typing import Final

WITHOUT: Final[Mapping[str, frozenset[str]]] = {
    "AuditEvent": frozenset(
        {"create", "update", "patch", "delete", "vread", "history-instance", "history-type"},
    ),
    "Consent": frozenset({"delete"}),
}
"""AuditEvents are the audit trail's own; a Consent is withdrawn, and never deleted."""

UNSTORED: Final = frozenset({"AuditEvent"})
"""Types that are not in the store: no include leads from or to them, and no operation is of an instance."""


def offered(type: str, codes: Sequence[str]) -> tuple[str, ...]:
    """The interactions among `codes` (as in a CapabilityStatement) that a resource type has."""
    return tuple(code for code in codes if code not in WITHOUT[type]) if type in WITHOUT else tuple(codes)
