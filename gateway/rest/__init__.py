"""HTTP: the FHIR base of each study, the address that vendors push to, receipts, health and discovery.

The only package that knows a web framework. It is handed a Door per request, never a store, and turns requests into
calls and answers into bytes; nothing here decides what a reader may see. Point reads, metadata and health are async
and never block; everything else is `def` and runs in the thread pool. One file per FHIR interaction.
Start with `create_api`.
"""

from gateway.rest.api import create_api, served
from gateway.rest.layers.edge import refused
from gateway.rest.messages.cursors import Cursors
from gateway.rest.parts import Parts

__all__ = ["Cursors", "Parts", "create_api", "refused", "served"]
