"""References as a search writes them: `Type/id`, an id, a whole URL.

See https://hl7.org/fhir/R4/search.html#reference.
"""

import re
from collections.abc import Collection
from typing import Final

from gateway.search.parsing.escaping import unescape

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")
_TYPED: Final = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})\Z")


def targets(part: str, types: Collection[str], base: str) -> list[str]:
    """What a reference to one of `types` may be written as; a URL that starts with `base` is found where it is
    written so, too.

    Raises ValueError saying what is expected.
    """
    asked = plain = unescape(part)
    if base and plain.startswith(base + "/"):
        plain = plain[len(base) + 1 :]
    typed = _TYPED.match(plain)
    if typed and typed[1] in types:
        return [plain] if plain == asked else [plain, asked]
    if plain == asked and _ID.match(plain):
        return [f"{target}/{plain}" for target in sorted(types)]
    if not typed and ("://" in plain or plain.startswith("urn:")):
        return [plain]
    raise ValueError("an id, a reference to " + " or ".join(sorted(types)[:8]) + ", or a URL")
