"""The folder of signing keys: private JWKs that only the gateway's user may read.

The newest key signs, all of them verify, so that keys rotate by adding one and, once its tokens have expired,
removing the old one.
"""

import base64
import hashlib
import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric import ec

from gateway.core.codec import dumps, loads
from gateway.core.errors import FhirError, Unavailable
from gateway.core.issues import issue

_CURVES = {"ES256": ("P-256", ec.SECP256R1(), 32), "ES384": ("P-384", ec.SECP384R1(), 48)}
_PUBLIC = ("kty", "crv", "x", "y", "kid", "alg", "use")
_PATTERN = "signing-*.json"


@dataclass(frozen=True, slots=True)
class KeyFolder:
    """Signing keys in the folder `path`, which need not exist before `create_key`."""

    path: Path
    _seen: dict[int, tuple[dict[str, Any], ...]] = field(default_factory=dict, repr=False, compare=False)

    def create_key(self, now: datetime, algorithm: Literal["ES256", "ES384"] = "ES256") -> str:
        """Makes a key that signs from now on, and answers its id; `now` orders the keys."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = _generate(algorithm)
        name = f"signing-{now:%Y%m%dT%H%M%S%f}-{key['kid']}.json"
        part = self.path / f".{name}"
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(dumps(key))
            file.flush()
            os.fsync(file.fileno())
        part.rename(self.path / name)
        return str(key["kid"])

    def ensure_key(self, now: datetime) -> None:
        """Makes a first key where the folder has none, as set-up does."""
        if not any(self.path.glob(_PATTERN)):
            self.create_key(now)

    def signing_key(self) -> dict[str, Any]:
        """The newest private key; raises `Unavailable` when there is none, or others can read the folder."""
        return self._load()[-1]

    def public_keys(self) -> tuple[dict[str, Any], ...]:
        """The public JWKs of all keys, oldest first; raises `Unavailable` like `signing_key`."""
        return tuple({name: key[name] for name in _PUBLIC} for key in self._load())

    def _load(self) -> tuple[dict[str, Any], ...]:
        """The private keys, oldest first; read again when the folder changes."""
        try:
            state = self.path.stat()
        except OSError:
            raise Unavailable(issue("auth.keys-missing")) from None
        if state.st_mode & 0o077:
            raise Unavailable(issue("auth.keys-readable"))
        found = self._seen.get(state.st_mtime_ns)
        if found is None:
            found = tuple(_read(path) for path in sorted(self.path.glob(_PATTERN)))
            self._seen.clear()
            self._seen[state.st_mtime_ns] = found
        if not found:
            raise Unavailable(issue("auth.keys-missing"))
        return found


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise Unavailable(issue("auth.keys-readable"))
            key = loads(file.read())
    except Unavailable:
        raise
    except (OSError, FhirError):
        raise Unavailable(issue("auth.keys-damaged")) from None
    if not isinstance(key, dict) or not all(isinstance(key.get(name), str) for name in (*_PUBLIC, "d")):
        raise Unavailable(issue("auth.keys-damaged"))
    return key


def _generate(algorithm: str) -> dict[str, Any]:
    curve_name, curve, size = _CURVES[algorithm]
    numbers = ec.generate_private_key(curve).private_numbers()
    key = {
        "kty": "EC",
        "crv": curve_name,
        "x": _text(numbers.public_numbers.x, size),
        "y": _text(numbers.public_numbers.y, size),
    }
    thumbprint = hashlib.sha256(dumps({name: key[name] for name in ("crv", "kty", "x", "y")})).digest()
    kid = base64.urlsafe_b64encode(thumbprint).rstrip(b"=").decode()
    return {**key, "d": _text(numbers.private_value, size), "kid": kid, "alg": algorithm, "use": "sig"}


def _text(number: int, size: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(size, "big")).rstrip(b"=").decode()
