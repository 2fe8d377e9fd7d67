"""Webhooks of vendors: who sent a notification, proved in the vendor's own way.

A scheme is data (`profiles/gateway/webhooks/<name>.yaml`): header names, algorithms, separators, tolerance and
handshake.
What a study's source must prove itself with lies in the operator's folder (`Endpoints`), never in a study file.
`verify` is the one judge; any doubt is `Unauthorized`.
"""

from gateway.auth.webhooks.endpoints import Endpoint, Endpoints
from gateway.auth.webhooks.handshake import Handshaken, handshake
from gateway.auth.webhooks.scheme import Scheme, load_schemes
from gateway.auth.webhooks.verify import Delivery, Proved, verify

__all__ = [
    "Delivery",
    "Endpoint",
    "Endpoints",
    "Handshaken",
    "Proved",
    "Scheme",
    "handshake",
    "load_schemes",
    "verify",
]
