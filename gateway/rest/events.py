"""Audit events of what happens before or beside the door to the resources."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from starlette.requests import Request

from gateway.core.errors import Forbidden, NotFound
from gateway.core.event import Event
from gateway.core.principal import Principal
from gateway.rest.layers.edge import request_id
from gateway.rest.parts import Parts


def event_of(
    parts: Parts,
    request: Request,
    principal: Principal,
    operation: str,
    outcome: Literal["success", "denied", "failure"] = "success",
    reason: str = "",
    targets: tuple[str, ...] = (),
) -> Event:
    """An event of a principal, at this moment, with the id of the request."""
    return Event(
        at=parts.clock(),
        study=principal.study,
        action="E",
        operation=operation,
        outcome=outcome,
        client=principal.client,
        organisation=principal.organisation,
        role=principal.role,
        purpose=principal.purpose,
        token=principal.token,
        reason=reason,
        targets=targets,
        request=request_id(request.scope),
        network=request.client.host if request.client else "",
        user=principal.user,
    )


@contextmanager
def refusals_of(parts: Parts, request: Request, principal: Principal, operation: str) -> Iterator[None]:
    """Puts it on record when what is within is refused, or is not there for this principal."""
    try:
        yield
    except (Forbidden, NotFound) as error:
        parts.note_failure(event_of(parts, request, principal, operation, "denied", error.issues[0].rule))
        raise
