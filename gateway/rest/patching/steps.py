"""The paths of a FHIRPath Patch as texts: what they may call, and what comes before their last step."""

import re
from typing import Final

MAX_PATH: Final = 1_000
FUNCTIONS: Final = frozenset({
    "as", "empty", "endsWith", "exists", "extension", "first", "is", "last", "not", "ofType", "single", "startsWith",
    "where",
})  # fmt: skip
"""What a path may call."""

_CALLED = re.compile(r"([A-Za-z_]\w*)\s*\(")
_OPEN: Final = "(["
_CLOSE: Final = ")]"
_QUOTES: Final = "'`\""


def is_plain(path: str) -> bool:
    """Whether a path only goes to a place: it comes from outside, and is evaluated while others wait."""
    return len(path) <= MAX_PATH and all(name in FUNCTIONS for name in _CALLED.findall(path))


def last_step(path: str) -> tuple[str, str]:
    """What is before the last dot that stands outside of brackets and quotes, and what is after it; "" and the
    whole when there is none."""
    depth, quote, cut, skip = 0, "", -1, False
    for place, character in enumerate(path):
        if skip:
            skip = False
        elif quote:
            skip = character == "\\"
            quote = "" if character == quote else quote
        elif character in _QUOTES:
            quote = character
        elif character in _OPEN:
            depth += 1
        elif character in _CLOSE:
            depth -= 1
        elif character == "." and depth == 0:
            cut = place
    return (path[:cut], path[cut + 1 :]) if cut >= 0 else ("", path)
