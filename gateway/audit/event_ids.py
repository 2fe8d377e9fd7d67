"""The ids under which auditors see events: they name a row of a chain and do not tell how many rows there are."""

import hashlib
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_STUDY_BYTES: Final = 8


class EventIds:
    """Turns a study and a sequence into 32 hexadecimal digits and back, by one secret."""

    def __init__(self, secret: bytes) -> None:
        key = hashlib.blake2b(secret, digest_size=32, person=b"audit-event-id").digest()
        self._cipher = Cipher(algorithms.AES256(key), modes.ECB())  # noqa: S305 (one block, each time another)

    def write(self, study: str, sequence: int) -> str:
        """The id of the event at a sequence of a study."""
        encryptor = self._cipher.encryptor()
        return encryptor.update(_of_study(study) + sequence.to_bytes(8, "big")).hex()

    def read(self, study: str, id: str) -> int | None:
        """The sequence; None for an id that was not made here for this study."""
        try:
            sealed = bytes.fromhex(id)
        except ValueError:
            return None
        if len(sealed) != 16 or sealed.hex() != id:
            return None
        block = self._cipher.decryptor().update(sealed)
        return int.from_bytes(block[_STUDY_BYTES:], "big") if block[:_STUDY_BYTES] == _of_study(study) else None


def _of_study(study: str) -> bytes:
    return hashlib.blake2b(study.encode(), digest_size=_STUDY_BYTES).digest()
