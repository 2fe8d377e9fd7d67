"""Libraries that must not be older than a repair of theirs: the gateway does not start with one that is.

Each floor is the first release without a published flaw that a client of the gateway could use. A library that is
missing is refused as one that is too old: without `cryptography`, python-jose falls back on weaker code.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import Final

from gateway.core.errors import Unavailable
from gateway.core.issues import Issue, issue

FLOORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cryptography": "44.0.1",  # CVE-2024-12797
        "defusedxml": "0.7.1",
        "h11": "0.16.0",  # CVE-2025-43859: requests smuggled past a proxy
        "idna": "3.7",  # CVE-2024-3651: a host name that costs minutes
        "python-jose": "3.4.0",  # CVE-2024-33663 and -33664: forged tokens, compressed bombs
        "pyyaml": "6.0.2",
        "starlette": "0.49.1",  # CVE-2025-62727: a Range header that costs minutes
    }
)

_RELEASE = re.compile(r"\d+(?:\.\d+)*(?P<more>.*)")
_AFTER = re.compile(r"(\.?post\d*)?(\+.*)?\Z")


def installed(name: str) -> str:
    """The version of a distribution, "" when it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def check_libraries(floors: Mapping[str, str] = FLOORS, version_of: Callable[[str], str] = installed) -> None:
    """Raises `Unavailable`, with an issue for each library that is missing or older than its floor."""
    faults = tuple(_faults(floors, version_of))
    if faults:
        raise Unavailable(*faults)


def _faults(floors: Mapping[str, str], version_of: Callable[[str], str]) -> Iterator[Issue]:
    for name, floor in sorted(floors.items()):
        found = version_of(name)
        if not is_as_new(found, floor):
            yield issue("auth.library", library=name, floor=floor, found=found or "none")


def is_as_new(found: str, floor: str) -> bool:
    """Whether a version is the floor or later; one before a release (3.4rc1) comes before it, and what is no version
    is none. See https://packaging.python.org/en/latest/specifications/version-specifiers/.
    """
    match = _RELEASE.fullmatch(found)
    if match is None:
        return False
    ours, wanted = _numbers(found), _numbers(floor)
    return ours > wanted or (ours == wanted and _AFTER.match(match["more"]) is not None)


def _numbers(text: str) -> tuple[int, ...]:
    numbers = [int(part) for part in re.findall(r"\d+", re.match(r"[\d.]*", text)[0])]  # type: ignore[index]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
