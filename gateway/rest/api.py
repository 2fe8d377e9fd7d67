"""The routes as one table, most asked first, and the layers around them.

FastAPI serves the ordinary routes; point reads, metadata and health are bare async routes inside it.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

import gateway
from gateway.core.errors import FhirError
from gateway.rest import audit_events
from gateway.rest.clients import authorize, token
from gateway.rest.clients import registry as clients
from gateway.rest.discovery import capability, health, openapi, wellknown
from gateway.rest.exports import bulk, view_runs
from gateway.rest.interactions import bundle, create, delete, history, patch, read, search, update, vread
from gateway.rest.later import routes as later
from gateway.rest.later.layer import Later
from gateway.rest.later.work import Doer, doing
from gateway.rest.layers.compression import Compression
from gateway.rest.layers.cross_origin import for_origins
from gateway.rest.layers.direct import CREATE, READ, SEARCH, Direct, Way
from gateway.rest.layers.edge import Edge
from gateway.rest.messages.bodies import BodyLimit
from gateway.rest.messages.problems import on_http_error, on_refusal
from gateway.rest.operation import routes as operation_routes
from gateway.rest.operations import found_operations
from gateway.rest.parts import Parts
from gateway.rest.vendors import intake, webhooks

INTERACTIONS = (history, read, vread, update, patch, delete, search, create, bundle)
"""The interactions offered; `_history` and `_search` come before ids and types."""


def create_api(parts: Parts, run: Callable[[], AbstractAsyncContextManager[None]] | None = None) -> FastAPI:
    """The whole HTTP application over `parts`; `run` spans its life, from start-up to the end of a graceful stop."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if run is None:
            yield
            return
        async with run(), doing(Doer(parts.requests, api.state.inner, api)):
            yield

    api = FastAPI(
        title="trial-fhir-gateway",
        version=gateway.__version__,
        routes=_routes(parts),
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        exception_handlers={
            FhirError: on_refusal,
            HTTPException: on_http_error,
            RequestValidationError: on_http_error,
        },
    )
    creating: list[Way] = [(CREATE, create.endpoint(parts))]
    ordinary = BodyLimit(Direct(api.build_middleware_stack(), {"POST": creating}), limit=parts.max_body_bytes)
    api.state.inner = ordinary  # where the entries of a batch go
    affecting = {operation.name for operation in found_operations() if operation.affects}
    answering = Later(Compression(ordinary), parts, affecting)
    reading: list[Way] = [(READ, read.endpoint(parts)), (SEARCH, search.endpoint(parts))]
    ways = {"GET": reading, "HEAD": reading, "POST": creating}
    direct = Direct(answering, ways, is_outside=True)
    api.middleware_stack = Edge(for_origins(direct, parts.origins), api)  # around the framework's own layers
    return api


def served(api: FastAPI) -> ASGIApp:
    """What a server runs of an application: its layers, past the framework's first steps, which do nothing here."""
    layers = api.middleware_stack
    assert layers is not None
    return layers


def _routes(parts: Parts) -> list[BaseRoute]:
    """Fixed addresses before those with a type or id in the same place."""
    codes = [code for interaction in INTERACTIONS for code in interaction.CODES]
    system = [code for interaction in INTERACTIONS for code in getattr(interaction, "SYSTEM_CODES", ())]
    operations = found_operations()
    told = (*operations, view_runs.OPERATION)
    found = [
        *wellknown.routes(parts),
        *token.routes(parts),
        *authorize.routes(parts),
        *capability.routes(parts, codes, system, told),
        *audit_events.routes(parts),
        *bulk.routes(parts),
        *view_runs.routes(parts),
        *later.routes(parts),
        *operation_routes.routes(parts, operations),
        *(route for interaction in INTERACTIONS for route in interaction.routes(parts)),
        *intake.routes(parts),
        *webhooks.routes(parts),
        *clients.routes(parts),
        *health.routes(parts),
    ]
    return [*openapi.routes(parts, found), *found]
