"""The secrets of a study's de-identification: what hashes and shifts are made of.

Every study has a key of its own, so that nobody who holds the exports of two studies can join them by a hash.
"""

import hashlib
import os
import tempfile
from binascii import hexlify
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.core.errors import Unavailable
from gateway.core.issues import issue

if TYPE_CHECKING:
    from hashlib import _Hash as _Digest

_SIZE: Final = 32
_BLOCK: Final = 64
_REMEMBERED: Final = 10_000
MAX_SHIFT: Final = 50
"""Days by which dates are moved at most, either way."""


@dataclass(frozen=True, slots=True)
class StudyKey:
    """The key of one study; `of` gives what belongs to a purpose and a text."""

    study: str
    secret: bytes = field(repr=False)
    _hashes: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    _shifts: dict[str, int] = field(default_factory=dict, repr=False, compare=False)
    _begun: "dict[str, tuple[_Digest, _Digest]]" = field(default_factory=dict, repr=False, compare=False)

    def of(self, purpose: str, text: str) -> bytes:
        """32 bytes that only the holder of the key can make again: HMAC-SHA-256 of study, purpose and text."""
        return self.of_bytes(purpose, text.encode("utf-8", "surrogatepass"))

    def of_bytes(self, purpose: str, text: bytes) -> bytes:
        """`of` for a text in UTF-8."""
        inner, outer = self._begun.get(purpose) or self._begin(purpose)
        inner, outer = inner.copy(), outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.digest()

    def hashes(self, texts: Iterable[bytes]) -> list[bytes]:
        """`hash` of each of many texts in UTF-8, as digits in ASCII; what they give is not remembered."""
        begun, ended = (half.copy for half in self._begun.get("hash") or self._begin("hash"))
        found = []
        for text in texts:
            inner, outer = begun(), ended()
            inner.update(text)
            outer.update(inner.digest())
            found.append(hexlify(outer.digest()))
        return found

    def _begin(self, purpose: str) -> "tuple[_Digest, _Digest]":
        """Both digests of RFC 2104 as far as they are the same for every text: half the time of `hmac.digest`."""
        secret = self.secret if len(self.secret) <= _BLOCK else hashlib.sha256(self.secret).digest()
        block = secret.ljust(_BLOCK, b"\0")
        inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        inner.update(f"{self.study}\x1f{purpose}\x1f".encode("utf-8", "surrogatepass"))
        found = self._begun[purpose] = inner, hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
        return found

    def hash(self, text: str) -> str:
        """64 hexadecimal digits, the longest id that FHIR allows."""
        found = self._hashes.get(text)
        if found is None:
            if len(self._hashes) >= _REMEMBERED:
                self._hashes.clear()  # ids of participants and devices come again at once
            found = self._hashes[text] = self.of("hash", text).hex()
        return found

    def shift(self, subject: str) -> int:
        """Days, from -50 to 50, by which every date of a participant is moved."""
        found = self._shifts.get(subject)
        if found is None:
            if len(self._shifts) >= _REMEMBERED:
                self._shifts.clear()
            found = int.from_bytes(self.of("shift", subject), "big") % (2 * MAX_SHIFT + 1) - MAX_SHIFT
            self._shifts[subject] = found
        return found


def study_key(folder: Path, study: str) -> StudyKey:
    """The study's key in the key folder, made at first use, readable by the gateway's user only.

    Raises `Unavailable` (`export.key`) when the file can be read by others or is damaged.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"deidentify-{study}.key"
    if not path.exists():
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=f".{path.name}.")  # for its owner alone
        part = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(_SIZE))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, path)  # unlike a rename, never replaces the key that another process made meanwhile
        except FileExistsError:
            pass
        finally:
            part.unlink()
    with path.open("rb") as file:
        secret = file.read()
        if os.fstat(file.fileno()).st_mode & 0o077 or len(secret) != _SIZE:
            raise Unavailable(issue("export.key"))
    return StudyKey(study, secret)
