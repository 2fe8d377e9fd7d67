"""The audit trail: what was done with participants' data, in a chain that shows any later change.

`chain` makes the links that the store keeps, `AuditTrail` writes events (many callers share one durable write) and
verifies a study's chain. What cannot be audited does not happen: every failure is `Unavailable`.
See https://profiles.ihe.net/ITI/BALP/.
"""

from gateway.audit.chain import chain
from gateway.audit.trail import AuditTrail

__all__ = ["AuditTrail", "chain"]
