"""Key pairs of the algorithms that there are."""

import base64
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

_CURVES: dict[str, Any] = {"ES256": (ec.SECP256R1, "P-256", 32), "ES384": (ec.SECP384R1, "P-384", 48)}


def text(number: int, size: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(size, "big")).rstrip(b"=").decode()


class Pair:
    """A private key as PEM, and its public JWK."""

    def __init__(self, algorithm: str, kid: str) -> None:
        self.algorithm, self.kid = algorithm, kid
        private: Any
        if algorithm in _CURVES:
            curve, name, size = _CURVES[algorithm]
            private = ec.generate_private_key(curve())
            point = private.public_key().public_numbers()
            jwk = {"kty": "EC", "crv": name, "x": text(point.x, size), "y": text(point.y, size)}
        else:
            private = rsa.generate_private_key(65537, 2048)
            numbers = private.public_key().public_numbers()
            jwk = {"kty": "RSA", "n": text(numbers.n, 256), "e": "AQAB"}
        self.public = jwk | {"kid": kid, "alg": algorithm, "use": "sig"}
        kind = serialization.PrivateFormat.PKCS8
        self.pem = private.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()
