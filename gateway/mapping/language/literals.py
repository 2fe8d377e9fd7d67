"""Literal arguments of functions, checked when the file is loaded: zones, offsets, units of time, columns."""

import re
from collections.abc import Iterator, Mapping
from typing import Final
from zoneinfo import ZoneInfo

from gateway.fhirpath.syntax import nodes

_OFFSET: Final = re.compile(r"Z|[+-](?:0\d|1\d|2[0-3]):?[0-5]\d|[+-]?\d{1,6}(?:\.0*)?s?", re.ASCII)
_ZONE_ARGUMENT: Final = {"atZone": 0, "hl7Time": 0, "parseTime": 1}
_EPOCH_UNITS: Final = ("s", "ms", "us")

Wrong = tuple[nodes.Expr, str]
"""An argument, and what is wrong with it."""


def wrong_arguments(call: nodes.Call) -> Iterator[Wrong]:
    """The literal arguments of a call that it would refuse for any record."""
    for index, argument in enumerate(call.arguments):
        value = argument.value if isinstance(argument, nodes.Literal) else None
        if not isinstance(value, str):
            continue
        if index == _ZONE_ARGUMENT.get(call.name) and not is_zone(value):
            yield argument, f"{call.name}() takes an IANA zone such as 'Europe/Berlin', or an offset"
        elif call.name == "atOffset" and not _OFFSET.fullmatch(value):
            yield argument, "atOffset() takes an offset such as '+02:00', 'Z' or '7200s'"
        elif call.name == "fromEpoch" and value not in _EPOCH_UNITS:
            yield argument, "fromEpoch() takes 's', 'ms' or 'us'"


def is_zone(name: str) -> bool:
    """True for an IANA zone that is known here, and for an offset, which stands for a zone."""
    if _OFFSET.fullmatch(name):
        return True
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # a name that is not known is a KeyError
        return False
    return True


def unknown_column(node: nodes.Member, lookups: Mapping[str, frozenset[str]]) -> str | None:
    """The columns that a table has, where `lookup('table', key).column` names another; None where it does not."""
    call = node.target
    if not isinstance(call, nodes.Call) or call.name != "lookup" or call.target is not None or not call.arguments:
        return None
    table = call.arguments[0]
    columns = lookups.get(str(table.value)) if isinstance(table, nodes.Literal) else None
    return None if columns is None or node.name in columns else ", ".join(sorted(columns))
