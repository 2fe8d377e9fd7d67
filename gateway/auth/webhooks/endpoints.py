"""What each source's webhook must prove itself with: files of the operator, readable by the gateway's user alone."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from gateway.auth.webhooks.scheme import Scheme
from gateway.core.errors import NotFound, Unavailable
from gateway.core.issues import issue

MIN_SECRET = 16


class Endpoint(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """The file `<study>/<source>.json`: the scheme's name and the secrets it needs.

    `secrets` may be two while one takes the place of the other. `path` is the token at the end of the address,
    `authorization` what the vendor sends back in that header, `verification` the token of a handshake, `expected` the
    value of the scheme's known header, `keyset` a public Tink keyset as JSON.
    """

    scheme: str
    secrets: tuple[str, ...] = ()
    path: str = ""
    authorization: str = ""
    verification: str = ""
    expected: str = ""
    networks: tuple[str, ...] = ()
    keyset: Any = None


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The files in `folder`, and the schemes that they may name."""

    folder: Path
    schemes: Mapping[str, Scheme]

    def get(self, study: str, source: str) -> tuple[Endpoint, Scheme]:
        """The endpoint of a source; raises `NotFound` when it has none, `Unavailable` when its file is not what the
        scheme needs: nothing is let in on half a proof."""
        try:
            with (self.folder / study / f"{source}.json").open("rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    raise Unavailable(issue("auth.keys-readable"))
                endpoint = msgspec.json.decode(file.read(), type=Endpoint)
        except FileNotFoundError:
            raise NotFound(issue("rest.unknown-route")) from None
        except (OSError, msgspec.MsgspecError):
            raise Unavailable(issue("auth.webhook-endpoint")) from None
        scheme = self.schemes.get(endpoint.scheme)
        if scheme is None or not _is_whole(endpoint, scheme):
            raise Unavailable(issue("auth.webhook-endpoint"))
        return endpoint, scheme


def _is_whole(endpoint: Endpoint, scheme: Scheme) -> bool:
    signature = scheme.signature
    rule = scheme.handshake
    needed = [
        (bool(signature and signature.kind == "hmac"), _are_long(*endpoint.secrets)),
        (bool(signature and signature.kind == "tink-ecdsa"), endpoint.keyset is not None),
        (scheme.path_token, _are_long(endpoint.path)),
        (scheme.authorization, _are_long(endpoint.authorization)),
        (scheme.expected is not None, bool(endpoint.expected)),
        (scheme.networks == "required", bool(endpoint.networks)),
        (bool(rule and rule.token), bool(endpoint.verification)),
    ]
    return all(is_there for is_needed, is_there in needed if is_needed)


def _are_long(*secrets: str) -> bool:
    return bool(secrets) and all(len(secret) >= MIN_SECRET for secret in secrets)
