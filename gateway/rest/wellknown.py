"""What clients discover: the SMART configuration of a study's FHIR base, and the keys that tokens are signed with.

The configuration names what exists and nothing else. See https://hl7.org/fhir/smart-app-launch/conformance.html.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.rest.gate import study_of
from gateway.rest.parts import Parts


def routes(parts: Parts) -> list[BaseRoute]:
    """GET of `.well-known/smart-configuration` of each study and of `/auth/jwks`; public, never blocking."""

    async def smart_configuration(request: Request) -> Response:
        study = study_of(parts, request)
        own = f"{parts.base_url}/auth"
        scopes = sorted({scope for client in study.clients.values() for scope in client.scopes})
        return JSONResponse(
            {
                "issuer": parts.issuer,
                "jwks_uri": f"{parts.base_url}/auth/jwks",
                "token_endpoint": f"{own}/token",
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
                "introspection_endpoint": f"{own}/introspect",
                "revocation_endpoint": f"{own}/revoke",
                "grant_types_supported": ["client_credentials"],
                "scopes_supported": scopes,
                "capabilities": ["client-confidential-asymmetric", "permission-v2"],
            }
        )

    async def jwks(_request: Request) -> Response:
        return JSONResponse({"keys": list(parts.public_keys())})

    return [
        Route("/studies/{study}/fhir/.well-known/smart-configuration", smart_configuration, methods=["GET"]),
        Route("/auth/jwks", jwks, methods=["GET"]),
    ]
