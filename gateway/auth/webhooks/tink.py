"""Signatures in Tink's wire format: a byte 1, the key's number, and an ECDSA signature in DER.

See https://developers.google.com/tink/wire-format. Of the keyset's protobuf only the two coordinates are read.
"""

import base64
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

_PREFIX: Final = 5
_TYPE: Final = "type.googleapis.com/google.crypto.tink.EcdsaPublicKey"
_X, _Y = 3, 4


def is_signed(keyset: Any, signature: bytes, message: bytes) -> bool:
    """Whether an enabled P-256 key of the public keyset (Tink's JSON) signed the message."""
    if len(signature) <= _PREFIX or signature[0] != 1:
        return False
    number = int.from_bytes(signature[1:_PREFIX], "big")
    try:
        keys = [_key(key) for key in keyset["key"] if _is_good(key) and int(key["keyId"]) == number]
    except (KeyError, TypeError, ValueError, IndexError):
        return False
    return any(_verifies(key, signature[_PREFIX:], message) for key in keys)


def _is_good(key: Any) -> bool:
    data = key["keyData"]
    return bool(key["status"] == "ENABLED" and key["outputPrefixType"] == "TINK" and data["typeUrl"] == _TYPE)


def _key(key: Any) -> ec.EllipticCurvePublicKey:
    fields = dict(_fields(base64.b64decode(key["keyData"]["value"], validate=True)))
    x, y = (int.from_bytes(fields[number], "big") for number in (_X, _Y))
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def _verifies(key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _fields(data: bytes) -> list[tuple[int, bytes]]:
    """The length-delimited fields of a protobuf message; raises IndexError or ValueError for what is none."""
    found, at = [], 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 == 0:
            _, at = _varint(data, at)
        elif tag & 7 == 2:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise ValueError
            found.append((tag >> 3, data[at : at + length]))
            at += length
        else:
            raise ValueError
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError
