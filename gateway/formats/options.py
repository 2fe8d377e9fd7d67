"""What mappings may set of a decoder, and what is wrong with a value: "" for nothing."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

MAX_HEADER_ROW = 100
"""How far down a table its names may stand."""


def is_switch(value: Any) -> str:
    """Of a switch."""
    return "" if isinstance(value, bool) else "true or false is needed"


def is_name(value: Any) -> str:
    """Of a column's or field's name."""
    return "" if isinstance(value, str) and value.strip() else "a name is needed"


def is_wide(encoding: str) -> bool:
    """Whether the encoding's line ends are not single bytes."""
    return re.match(r"utf[-_ ]?(16|32)", encoding, re.IGNORECASE) is not None


def _delimiter(value: Any) -> str:
    fits = isinstance(value, str) and len(value) == 1 and value not in '"\r\n'
    return "" if fits else "one character is needed"


def _delimiters(value: Any) -> str:
    fits = isinstance(value, str) and len(value) > 1 and not any(_delimiter(one) for one in value)
    return "" if fits else "several characters are needed"


def _header_row(value: Any) -> str:
    fits = type(value) is int and 1 <= value <= MAX_HEADER_ROW
    return "" if fits else f"a whole number from 1 to {MAX_HEADER_ROW} is needed"


def _encoding(value: Any) -> str:
    try:
        "".encode(str(value))
    except (LookupError, ValueError):
        return "no such encoding"
    return ""


def _names(value: Any) -> str:
    fits = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return "" if fits else "a list of names is needed"


TABLE_OPTIONS: Mapping[str, Callable[[Any], str]] = MappingProxyType(
    {
        "delimiter": _delimiter,
        "delimiters": _delimiters,
        "encoding": _encoding,
        "final_newline": is_switch,
        "header_row": _header_row,
        "upper_names": is_switch,
    }
)
"""Of `delimited`."""

XML_OPTIONS: Mapping[str, Callable[[Any], str]] = MappingProxyType(
    {"document_type": is_switch, "lenient": is_switch, "context": _names}
)
"""Of `xml`."""
