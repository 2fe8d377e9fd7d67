"""The registry of clients over HTTP: `/admin/clients/[study]`, for roles that register (`registers: true`) and tokens
with the scope `__clientRegistry.read` or, to take a step, `__clientRegistry.manage`.

The same steps as those of `gateway client`: a request, then review, agreement, sandbox, promotion, or a suspension.
Who takes a step is who asks, by the token: the person who logged in, or the client itself. Who requested a client
takes none of the steps that let it in. Plain JSON; see docs/howto/register-a-client.md.
"""

import re
from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.auth.registry import STEPS, Action, Registration
from gateway.auth.scopes import REGISTRY_MANAGE, REGISTRY_READ
from gateway.core.codec import dumps, loads
from gateway.core.errors import BadRequest, Forbidden, NotFound
from gateway.core.issues import issue
from gateway.core.principal import Principal
from gateway.rest.clients.gate import principal_of, study_of
from gateway.rest.events import event_of
from gateway.rest.messages.bodies import read_body
from gateway.rest.messages.negotiation import negotiate
from gateway.rest.parts import Parts
from gateway.study import Client, Study

BASE: Final = "/admin/clients/{study}"
TEXTS: Final = ("organisation", "role", "purpose", "source", "site", "jwks_url", "issuer")
"""What a request tells of a client, beside its id, its `scopes` and its keys `jwks`."""

STEP_MEMBERS: Final = frozenset({"reason", "agreement"})
_ODD = re.compile(r"[^a-z0-9._@+-]")


def routes(parts: Parts) -> list[BaseRoute]:
    """GET and POST of `clients/[study]`, GET of a client, POST of each step."""
    router = APIRouter()

    async def json_body(request: Request) -> bytes:
        _operator(parts, request, REGISTRY_MANAGE)
        return await read_body(request, ("application/json",))

    @router.get(BASE)
    def client_list(request: Request) -> Response:
        study, _ = _operator(parts, request, REGISTRY_READ)
        known = parts.clients.all(study.id)
        return _answer({"clients": [parts.clients.told(one) for one in known]})

    @router.post(BASE)
    def client_request(request: Request, body: Annotated[bytes, Depends(json_body)]) -> Response:
        study, who = _operator(parts, request, REGISTRY_MANAGE)
        tree = _tree(body, {"id", "scopes", "jwks", "reason", *TEXTS})
        made = parts.clients.request(study.id, _client(study, tree), _actor(who), _text(tree, "reason"))
        place = f"{parts.base_url}/admin/clients/{study.id}/{made.id}"
        return _answer(_shown(parts, made), 201, {"Location": place})

    @router.get(f"{BASE}/{{id}}")
    def client_show(request: Request) -> Response:
        study, _ = _operator(parts, request, REGISTRY_READ)
        return _answer(_shown(parts, parts.clients.one(study.id, request.path_params["id"])))

    @router.post(f"{BASE}/{{id}}/{{step}}")
    def client_step(request: Request, body: Annotated[bytes, Depends(json_body)]) -> Response:
        study, who = _operator(parts, request, REGISTRY_MANAGE)
        action = _action(request.path_params["step"])
        tree = _tree(body, STEP_MEMBERS)
        reason, agreement = _text(tree, "reason"), _text(tree, "agreement")
        id = request.path_params["id"]
        return _answer(_shown(parts, parts.clients.step(study.id, id, action, _actor(who), reason, agreement)))

    return list(router.routes)


def _operator(parts: Parts, request: Request, scope: str) -> tuple[Study, Principal]:
    """The study and who asks; raises `Forbidden`, on record, for a role that does not register, for somebody of a
    site, for an app that acts for a participant, and for a token without the scope."""
    negotiate(request)
    study = study_of(parts, request)
    who = principal_of(parts, request, study)
    fault = ""
    if not study.roles[who.role].registers or who.site or who.patient:
        fault = "auth.registry-role"
    elif scope not in who.scopes:
        fault = "auth.registry-scope"
    if fault:
        parts.record(event_of(parts, request, who, "client-registry", "denied", fault))
        raise Forbidden(issue(fault, scope=scope))
    return study, who


def _actor(who: Principal) -> str:
    """Who takes the step, as a name in the registry's letters; two that only differ in others count as one."""
    return _ODD.sub(".", (who.user or who.client).lower())


def _action(name: str) -> Action:
    found: list[Action] = [action for action in STEPS if action == name]
    if not found:
        raise NotFound(issue("auth.registry-step", known=", ".join(STEPS)))
    return found[0]


def _tree(body: bytes, known: frozenset[str] | set[str]) -> dict[str, Any]:
    """The object in the body; raises `BadRequest` for anything else, and for members that nobody knows."""
    tree = loads(body)
    if not isinstance(tree, dict) or not known.issuperset(tree):
        raise BadRequest(issue("auth.registry-body", known=", ".join(sorted(known))))
    return tree


def _text(tree: dict[str, Any], name: str) -> str:
    value = tree.get(name, "")
    if not isinstance(value, str):
        raise BadRequest(issue("auth.registry-body", known=name))
    return value


def _client(study: Study, tree: dict[str, Any]) -> Client:
    """The client that is asked for; it has the scopes of its role unless others are named."""
    role = study.roles.get(_text(tree, "role"))
    scopes = _list(tree, "scopes", str) or (role.scopes if role else ())
    texts: dict[str, Any] = {name: _text(tree, name) for name in ("id", *TEXTS)}
    return Client(scopes=scopes, jwks=_list(tree, "jwks", dict), **texts)


def _list(tree: dict[str, Any], name: str, kind: type) -> tuple[Any, ...]:
    value = tree.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, kind) for one in value):
        raise BadRequest(issue("auth.registry-body", known=name))
    return tuple(value)


def _shown(parts: Parts, registration: Registration) -> dict[str, Any]:
    return parts.clients.told(registration) | {"steps": [asdict(step) for step in registration.steps]}


def _answer(tree: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(dumps(tree), status, headers, "application/json")
