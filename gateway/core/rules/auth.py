"""Rules of the area `auth`."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {
    "auth.token-invalid": Rule(
        "error", "login", "The access token is not one that this gateway accepts", "Ask for a new token"
    ),
    "auth.token-expired": Rule("error", "expired", "The access token has expired", "Ask for a new token"),
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
        "Write system/<Type or *>.<letters of cruds in this order>",
    ),
    "auth.scope": Rule(
        "error",
        "forbidden",
        "The scopes of this client do not allow the interaction {interaction} on {type}",
        "Ask the study for a role that may do this",
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
