"""What clients discover: the SMART configuration of a study's FHIR base, and the keys that tokens are signed with.

The configuration names what exists and nothing else. See https://hl7.org/fhir/smart-app-launch/conformance.html.
"""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.rest.clients.gate import study_of
from gateway.rest.parts import Parts
from gateway.study import Study

_APP_METHODS: Final = ("client_secret_basic",)
_APP_GRANTS: Final = ("authorization_code", "refresh_token")
_APP_CAPABILITIES: Final = (
    "launch-standalone",
    "authorize-post",
    "client-public",
    "client-confidential-symmetric",
    "sso-openid-connect",
    "context-standalone-patient",
    "permission-offline",
    "permission-patient",
    "permission-user",
    "permission-v1",
)
"""What is on where apps are launched here; `.read` of version 1 is understood then, as old apps ask for it."""


def routes(parts: Parts) -> list[BaseRoute]:
    """GET of `.well-known/smart-configuration` of each study and of `/auth/jwks`; public, never blocking."""

    async def smart_configuration(request: Request) -> Response:
        return JSONResponse(_configuration(parts, study_of(parts, request)))

    async def jwks(_request: Request) -> Response:
        return JSONResponse({"keys": list(parts.public_keys())})

    return [
        Route("/studies/{study}/fhir/.well-known/smart-configuration", smart_configuration, methods=["GET"]),
        Route("/auth/jwks", jwks, methods=["GET"]),
    ]


def _configuration(parts: Parts, study: Study) -> dict[str, Any]:
    own, launches = f"{parts.base_url}/auth", parts.app_launch is not None
    found: dict[str, Any] = {
        "issuer": parts.issuer,
        "jwks_uri": f"{own}/jwks",
        "token_endpoint": f"{own}/token",
        "token_endpoint_auth_methods_supported": ["private_key_jwt", *(_APP_METHODS if launches else ())],
        "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "introspection_endpoint": f"{own}/introspect",
        "revocation_endpoint": f"{own}/revoke",
        "grant_types_supported": ["client_credentials", *(_APP_GRANTS if launches else ())],
        "scopes_supported": sorted({scope for client in study.clients.values() for scope in client.scopes}),
        "capabilities": ["client-confidential-asymmetric", "permission-v2", *(_APP_CAPABILITIES if launches else ())],
    }
    if launches:
        found |= {"authorization_endpoint": f"{own}/authorize", "response_types_supported": ["code"]}
        found["code_challenge_methods_supported"] = ["S256"]
    return found
