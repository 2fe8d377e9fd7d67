"""The Ed25519 keys that sign anchors: private JWKs in the folder of keys, which only the gateway's user may read.

All keys there verify, the newest signs. See https://www.rfc-editor.org/rfc/rfc8037.
"""

import base64
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.core.errors import Unavailable
from gateway.core.issues import issue

_PATTERN: Final = "anchor-*.json"
_MAX_LINE: Final = 4_096


class _Key(msgspec.Struct, frozen=True):
    """A private JWK of RFC 8037."""

    kty: str
    crv: str
    x: str
    d: str
    kid: str


class _Header(msgspec.Struct, frozen=True):
    alg: str
    kid: str


@dataclass(frozen=True, slots=True)
class AnchorKeys:
    """The keys in the folder `path`; a first one is made when something is to be signed and there is none."""

    path: Path

    def sign(self, payload: bytes, now: datetime) -> bytes:
        """The compact JWS of `payload` by the newest key; `Unavailable` when a key is not private or whole."""
        keys = self._load() or (self._create(now),)
        key = keys[-1]
        header = msgspec.json.encode(_Header("EdDSA", key.kid))
        signed = _text(header) + b"." + _text(payload)
        private = Ed25519PrivateKey.from_private_bytes(_bytes(key.d.encode()))
        return signed + b"." + _text(private.sign(signed))

    def payload(self, line: bytes) -> bytes | None:
        """What a compact JWS says; None unless one of the keys signed it."""
        parts = line.split(b".")
        if len(parts) != 3 or len(line) > _MAX_LINE:
            return None
        try:
            header = msgspec.json.decode(_bytes(parts[0]), type=_Header)
            public = self._public()[header.kid] if header.alg == "EdDSA" else None
            if public is None:
                return None
            public.verify(_bytes(parts[2]), parts[0] + b"." + parts[1])
            return _bytes(parts[1])
        except (ValueError, KeyError, msgspec.MsgspecError, InvalidSignature):
            return None

    def public_keys(self) -> tuple[Mapping[str, str], ...]:
        """The public JWKs, oldest first, for whoever verifies anchors elsewhere."""
        return tuple({"kty": key.kty, "crv": key.crv, "x": key.x, "kid": key.kid} for key in self._load())

    def _public(self) -> dict[str, Ed25519PublicKey]:
        return {key.kid: Ed25519PublicKey.from_public_bytes(_bytes(key.x.encode())) for key in self._load()}

    def _load(self) -> tuple[_Key, ...]:
        return tuple(_read(path) for path in sorted(self.path.glob(_PATTERN)))

    def _create(self, now: datetime) -> _Key:
        private = Ed25519PrivateKey.generate()
        x = _text(private.public_key().public_bytes_raw()).decode()
        thumbprint = hashlib.sha256(msgspec.json.encode({"crv": "Ed25519", "kty": "OKP", "x": x})).digest()
        key = _Key("OKP", "Ed25519", x, _text(private.private_bytes_raw()).decode(), _text(thumbprint).decode())
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"anchor-{now:%Y%m%dT%H%M%S%f}-{key.kid}.json"
        part = self.path / f".{name}"
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(msgspec.json.encode(key))
            file.flush()
            os.fsync(file.fileno())
        part.rename(self.path / name)
        return key


def _read(path: Path) -> _Key:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise Unavailable(issue("auth.keys-readable"))
            return msgspec.json.decode(file.read(), type=_Key)
    except (OSError, msgspec.MsgspecError):
        raise Unavailable(issue("auth.keys-damaged")) from None


def _text(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _bytes(text: bytes) -> bytes:
    """Raises ValueError for what is not base64url."""
    return base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
