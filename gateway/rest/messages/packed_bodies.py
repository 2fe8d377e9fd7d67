"""Request bodies that were compressed with gzip: unpacked as far as limits go, and never further.

https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1.3 and https://www.rfc-editor.org/rfc/rfc1952
"""

import zlib
from typing import Final

from gateway.core.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType
from gateway.core.issues import issue

NAMES: Final = frozenset({"gzip", "x-gzip"})
"""What a Content-Encoding calls it."""

MAX_RATIO: Final = 200
"""How many times its size a body may unpack to: ten times what resources do, a fifth of what gzip can."""

FREE: Final = 1_000_000
"""How many bytes a body may unpack to whatever its size."""

_GZIP: Final = 31
"""To zlib: a gzip header, and the largest window."""


def unpacked(body: bytes, limit: int) -> bytes:
    """The bytes that were compressed, at most `limit`.

    Raises `PayloadTooLarge` when there are more, or more than `MAX_RATIO` times the body beyond `FREE`; `BadRequest`
    when it is not one whole gzip member and nothing else.
    """
    most = min(limit, max(FREE, MAX_RATIO * len(body)))
    machine = zlib.decompressobj(_GZIP)
    try:
        made = machine.decompress(body, most + 1)
    except zlib.error:
        raise BadRequest(issue("rest.gzip")) from None
    if len(made) > most:
        raise PayloadTooLarge(
            issue("payload.too-large", limit=limit) if most == limit else issue("rest.gzip-ratio", times=MAX_RATIO)
        )
    if not machine.eof or machine.unused_data:
        raise BadRequest(issue("rest.gzip"))
    return made


def is_packed(encoding: str) -> bool:
    """Whether a Content-Encoding says gzip; raises `UnsupportedMediaType` for any other, or for several."""
    name = encoding.strip().lower()
    if name in NAMES:
        return True
    if name not in ("", "identity"):
        raise UnsupportedMediaType(issue("rest.encoding"))
    return False
