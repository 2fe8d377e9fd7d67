"""Audit events of what happens before or beside the door to the resources."""

from typing import Literal

from starlette.requests import Request

from gateway.core.event import Event
from gateway.core.principal import Principal
from gateway.rest.edge import request_id
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
