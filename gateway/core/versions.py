"""Which of several business versions of a canonical resource is meant where none is named: the newest.

See https://hl7.org/fhir/R4/references.html#canonical and https://semver.org.
"""

import re
from collections.abc import Iterable

from gateway.core.types import Resource

_PART = re.compile(r"[0-9]+|[A-Za-z]+")
_LONGEST = 100


def newest(resources: Iterable[Resource]) -> Resource | None:
    """The resource with the highest `version`, the last of equals; None when there are none.

    Numbers are compared as numbers, and a release comes after its previews (`1.0.0-ballot`); one without a version
    comes first.
    """
    found: Resource | None = None
    for resource in resources:
        if found is None or _order(resource) >= _order(found):
            found = resource
    return found


def _order(resource: Resource) -> tuple[bool, list[tuple[int, int, str]]]:
    version = resource.get("version")
    if not isinstance(version, str) or not version:
        return False, []
    parts = _PART.findall(version[:_LONGEST])
    keys = [(2, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]
    return True, [*keys, (1, 0, "")]
