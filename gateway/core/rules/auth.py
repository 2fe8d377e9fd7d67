"""Rules of the area `auth`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {
    "auth.token-invalid": Rule(
        "error", "login", "The access token is not one that this gateway accepts", "Ask for a new token"
    ),
    "auth.token-expired": Rule("error", "expired", "The access token has expired", "Ask for a new token"),
    "auth.library": Rule(
        "fatal",
        "security",
        "The library {library} is {found}; the gateway does not start with one older than {floor}",
        "Install it anew, as pip install --upgrade does",
    ),
    "auth.client-unknown": Rule(
        "error", "unknown", "The token's client is not registered in this study", "Register the client"
    ),
    "auth.grant-type": Rule(
        "error", "not-supported", "The grant type is not offered", "Send grant_type=client_credentials"
    ),
    "auth.assertion": Rule(
        "error",
        "login",
        "The client assertion does not prove a registered client",
        "Sign iss = sub = the client id, aud = the token endpoint's URL, exp at most 5 minutes ahead and a new jti "
        "with the registered key, by ES384 or RS384",
    ),
    "auth.app-client": Rule(
        "error",
        "login",
        "The app is not registered here, or does not prove who it is",
        "Send client_id, or the registered secret by HTTP Basic, or an assertion by the registered key",
    ),
    "auth.grant": Rule(
        "error",
        "login",
        "The code or refresh token is not valid, was used, or is another app's",
        "Send each once, with the redirect_uri and code_verifier of the launch; launch again",
    ),
    "auth.revoke": Rule(
        "error",
        "forbidden",
        "The token is another client's",
        "A client revokes its own tokens; suspend a client to end all",
    ),
    "auth.introspect": Rule(
        "error",
        "forbidden",
        "The token that was asked about is another client's",
        "A client asks about its own tokens; find out how it came by another's, and revoke that one",
    ),
    "auth.launch-audience": Rule(
        "error",
        "value",
        "The launch names no study of this gateway",
        "Send the study's FHIR base as aud",
    ),
    "auth.launch-redirect": Rule(
        "error",
        "login",
        "The app is not registered with this redirect address",
        "Send client_id and a redirect_uri exactly as they are registered in the study",
    ),
    "auth.launch-request": Rule(
        "error",
        "value",
        "The launch lacks something",
        "Send response_type=code, state, and code_challenge with code_challenge_method=S256",
    ),
    "auth.launch-ticket": Rule("error", "login", "This page was answered or is too old", "Launch the app again"),
    "auth.no-scope": Rule(
        "error",
        "forbidden",
        "None of the scopes asked for is registered for this client",
        "Ask for registered scopes",
    ),
    "auth.lifetime": Rule(
        "error", "value", "A token may live from 1 to {limit} seconds", "Ask for a shorter lifetime"
    ),
    "auth.scope-syntax": Rule(
        "error",
        "value",
        "The scope is none that this gateway offers",
        "Write system/, user/ or patient/, <Type or *>.<letters of cruds in this order>, and perhaps ?<search>",
    ),
    "auth.scope": Rule(
        "error",
        "forbidden",
        "The scopes of this client do not allow the interaction {interaction} on {type}",
        "Ask the study for a role that may do this",
    ),
    "auth.rate": Rule(
        "error", "throttled", "There were more requests than the client may send", "Wait as long as Retry-After says"
    ),
    "auth.rate-store": Rule(
        "fatal",
        "transient",
        "The counters of requests cannot be reached, so that nobody is let in",
        "Try again later",
    ),
    "auth.webhook": Rule(
        "error", "login", "The delivery does not prove who sent it", "Check secret, signature, clock and network"
    ),
    "auth.webhook-endpoint": Rule(
        "fatal",
        "exception",
        "The webhook's file does not hold what its scheme needs",
        "Write scheme and secrets of at least 16 characters into <study>/<source>.json of the folder of webhooks",
    ),
    "auth.webhook-scheme": Rule(
        "error", "invalid", "The webhook scheme {name} cannot be read, or asks for no proof", "See the shipped ones"
    ),
    "auth.key-invalid": Rule(
        "error", "login", "The key is not one that this gateway accepts from here and now", "Ask the study for a key"
    ),
    "auth.key-twice": Rule("error", "invalid", "More than one key or token was sent", "Send one of them"),
    "auth.key-types": Rule(
        "error",
        "forbidden",
        "The source makes resources of types that the key is not for",
        "The study makes a key for every type that the source's mappings make (`gateway map docs` tells), or for all",
    ),
    "auth.key-client": Rule(
        "error", "value", "Keys are for clients that deliver a source", "Name a client with a source"
    ),
    "auth.key-days": Rule("error", "value", "A key may live from 1 to {limit} days", "Ask for fewer days"),
    "auth.key-network": Rule("error", "value", "A network is none", "Write it as 192.0.2.0/24 or 2001:db8::/32"),
    "auth.key-over": Rule("error", "business-rule", "The key is over", "Issue another with `gateway key issue`"),
    "auth.key-two": Rule(
        "error", "conflict", "The client has {limit} living keys already", "Revoke one of them, or wait for its end"
    ),
    "auth.key-unknown": Rule("error", "not-found", "The study has no such key", "See `gateway key issued`"),
    "auth.registry-scope": Rule(
        "error",
        "forbidden",
        "The token does not carry the scope that this asks for",
        "Ask for a token with {scope}, which the client must be registered for",
    ),
    "auth.registry-role": Rule(
        "error",
        "forbidden",
        "The registry of clients is kept by roles that register, for the whole study",
        "Ask with a role that has `registers: true` in the study file",
    ),
    "auth.registry-step": Rule("error", "not-found", "There is no such step", "The steps are {known}"),
    "auth.registry-body": Rule(
        "error",
        "structure",
        "The body is not the JSON object that is expected",
        "Its members are texts or lists: {known}",
    ),
    "auth.registry-actor": Rule(
        "error", "value", "Who takes a step needs a name", "Write up to 64 letters, digits and . _ @ + -"
    ),
    "auth.registry-reason": Rule(
        "error", "required", "A step needs a reason", "Write one line of up to {limit} characters"
    ),
    "auth.registry-agreement": Rule(
        "error",
        "value",
        "An agreement, and nothing else, names what was signed",
        "Name the signed document on one line",
    ),
    "auth.registry-study": Rule("error", "not-found", "There is no such study", "Look into the folder of studies"),
    "auth.registry-known": Rule(
        "error", "duplicate", "The study has a client of this id already", "Choose another id"
    ),
    "auth.registry-unknown": Rule("error", "not-found", "The study has no such client", "See `gateway client list`"),
    "auth.registry-state": Rule(
        "error",
        "business-rule",
        "The step {action} does not follow the state {state}",
        "The way is request, review, agree, sandbox, promote; from suspended it leads through review",
    ),
    "auth.registry-own": Rule(
        "error", "forbidden", "Who requested a client may not decide on it", "Ask somebody else to take the step"
    ),
    "auth.registry-race": Rule(
        "error", "conflict", "Somebody else took a step in the same moment", "Look at the client and try again"
    ),
    "auth.registry-client": Rule(
        "error",
        "value",
        "The study cannot have a client with this {what}",
        "Name what the study file has, scopes of the role, and public keys or an https address as proof",
    ),
    "auth.keys-missing": Rule(
        "fatal", "exception", "The key folder holds no signing key", "Make one with `gateway key new`"
    ),
    "auth.keys-readable": Rule(
        "fatal",
        "security",
        "The key folder or a key in it can be read by other users",
        "Set the folder to mode 0700 and its files to 0600",
    ),
    "auth.keys-damaged": Rule(
        "fatal", "exception", "A file in the key folder is not a key of this gateway", "Take it out of the folder"
    ),
    "auth.not-found": Rule(
        "error", "not-found", "There is no such resource, or this client may not know of it", "Check type and id"
    ),
    "auth.deleted": Rule("error", "deleted", "The resource was deleted"),
    "auth.not-a-source": Rule(
        "error", "forbidden", "Only a source may look up participants by identifier", "Use search instead"
    ),
    "auth.identity": Rule(
        "error", "invalid", "A resource to write needs its type and a valid id", "Give resourceType and id"
    ),
}
