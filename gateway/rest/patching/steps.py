"""A FHIRPath expression cut before its last step."""

from typing import Final

_OPEN: Final = "(["
_CLOSE: Final = ")]"
_QUOTES: Final = "'`\""


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
