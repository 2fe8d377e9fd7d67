"""The audit trail: what was done with participants' data, in a chain that shows any later change.

`chain` makes the links that the store keeps, `AuditTrail` writes events (many callers share one durable write) and
verifies a study's chain, `Anchors` are signed statements outside the database of how far the chains had come,
`AuditReader` reads events back, for auditors as FHIR AuditEvents (`resource`).
What cannot be audited does not happen: every failure is `Unavailable`. See https://profiles.ihe.net/ITI/BALP/.
"""

from gateway.audit.anchor_keys import AnchorKeys
from gateway.audit.anchoring import Anchoring, witness
from gateway.audit.anchors import Anchor, Anchors
from gateway.audit.chain import chain
from gateway.audit.event_ids import EventIds
from gateway.audit.queries import told
from gateway.audit.reading import AuditReader
from gateway.audit.resources import resource
from gateway.audit.results import held, is_all
from gateway.audit.ticket import Ticket
from gateway.audit.trail import AuditTrail

__all__ = [
    "Anchor",
    "AnchorKeys",
    "Anchoring",
    "Anchors",
    "AuditReader",
    "AuditTrail",
    "EventIds",
    "Ticket",
    "chain",
    "held",
    "is_all",
    "resource",
    "told",
    "witness",
]
