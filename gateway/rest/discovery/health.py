"""Health: `/healthz` says that the process runs, `/readyz` that it can serve (the database answers)."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.rest.parts import Parts


def routes(parts: Parts) -> list[BaseRoute]:
    """GET and HEAD of both addresses; neither takes a token or tells anything about the data."""

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_request: Request) -> Response:
        ready = await run_in_threadpool(parts.ready)
        return JSONResponse({"status": "ready" if ready else "not ready"}, 200 if ready else 503)

    return [Route("/healthz", healthz, methods=["GET"]), Route("/readyz", readyz, methods=["GET"])]
