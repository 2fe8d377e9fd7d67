"""What vendors ask before they send anything: whether the address is ours."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.auth.webhooks.endpoints import Endpoint
from gateway.auth.webhooks.scheme import Scheme
from gateway.auth.webhooks.verify import Delivery, require_sender
from gateway.core.codec import loads
from gateway.core.errors import FhirError


@dataclass(frozen=True, slots=True)
class Handshaken:
    """The answer to a handshake; `tree` is its JSON, None for no body."""

    status: int
    tree: dict[str, Any] | None = None


def handshake(
    method: str, query: Mapping[str, str], delivery: Delivery, endpoint: Endpoint, scheme: Scheme
) -> Handshaken | None:
    """The answer when this is a handshake of the scheme, right or wrong; None when it is none."""
    rule = scheme.handshake
    if rule is None:
        return None
    if rule.kind == "verification-post":
        return _posted(method, delivery, endpoint, scheme)
    if method not in ("GET", "HEAD"):
        return None
    if scheme.path_token and not _is_sent_right(delivery, endpoint, scheme):
        return Handshaken(404)
    if rule.kind == "head":
        return Handshaken(200)
    is_right = hmac.compare_digest(query.get(rule.token, "").encode(), endpoint.verification.encode())
    if rule.kind == "query-match":
        return Handshaken(204 if is_right else 404)
    if not is_right or rule.echo not in query:
        return Handshaken(401)
    return Handshaken(200, {rule.echo: query[rule.echo]})


def _posted(method: str, delivery: Delivery, endpoint: Endpoint, scheme: Scheme) -> Handshaken | None:
    """It comes twice, with and without the secret, and wants to see the difference."""
    rule = scheme.handshake
    if method != "POST" or rule is None or len(delivery.body) > 1_000:
        return None
    try:
        tree = loads(delivery.body)
    except FhirError:
        return None
    if not isinstance(tree, dict) or tree.get(rule.member) != rule.value:
        return None
    return Handshaken(201 if _is_sent_right(delivery, endpoint, scheme) else 401)


def _is_sent_right(delivery: Delivery, endpoint: Endpoint, scheme: Scheme) -> bool:
    try:
        require_sender(delivery, endpoint, scheme)
    except FhirError:
        return False
    return True
