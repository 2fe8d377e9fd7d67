"""Batches and transactions: the entries of a Bundle, done one by one or all together.

See https://hl7.org/fhir/R4/http.html#transaction.
"""

from gateway.rest.bundling.entries import Entry, entries_of
from gateway.rest.bundling.subrequests import Reply, ask, entry_of, refused, reply_of
from gateway.rest.bundling.transaction import Done, run

__all__ = ["Done", "Entry", "Reply", "ask", "entries_of", "entry_of", "refused", "reply_of", "run"]
