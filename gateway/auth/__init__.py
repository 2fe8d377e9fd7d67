"""Who a caller is: signing keys, access tokens, scopes.

`KeyFolder` keeps the signing keys, `Issuer` makes access tokens for registered clients of a study, `Authenticator`
turns a bearer token into a `Principal` whose rights come from the study's registry, never from the request.
`BackendServices` is the token endpoint: tokens for clients that prove who they are by `Assertions`. `ApiKeys` are
those of vendors that cannot sign. `ClientRegistry` tells which clients may be used. `scope_allows` answers what SMART
scopes permit. Any doubt is `Unauthorized`.
See https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html and RFC 9068.
"""

from gateway.auth.api_keys import ApiKey, ApiKeys
from gateway.auth.app_clients import AppClients
from gateway.auth.app_launch import AppLaunch, Ask, LaunchRefused
from gateway.auth.assertions import Assertions
from gateway.auth.backend_services import TOKEN_SECONDS, BackendServices, Form, TokenRefused
from gateway.auth.external import ExternalIssuers
from gateway.auth.key_sets import KeySets
from gateway.auth.keys import KeyFolder
from gateway.auth.libraries import check_libraries
from gateway.auth.rate_limits import RateLimits
from gateway.auth.registry import STEPS, Registration, advanced, is_usable
from gateway.auth.registry_clients import ClientRegistry
from gateway.auth.scopes import Scope, scope_allows, scope_reaches
from gateway.auth.tokens import MAX_TOKEN_SECONDS, Authenticator, Issuer, Launch, clients_of

__all__ = [
    "MAX_TOKEN_SECONDS",
    "STEPS",
    "TOKEN_SECONDS",
    "ApiKey",
    "ApiKeys",
    "AppClients",
    "AppLaunch",
    "Ask",
    "Assertions",
    "Authenticator",
    "BackendServices",
    "ClientRegistry",
    "ExternalIssuers",
    "Form",
    "Issuer",
    "KeyFolder",
    "KeySets",
    "Launch",
    "LaunchRefused",
    "RateLimits",
    "Registration",
    "Scope",
    "TokenRefused",
    "advanced",
    "check_libraries",
    "clients_of",
    "is_usable",
    "scope_allows",
    "scope_reaches",
]
