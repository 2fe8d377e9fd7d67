"""The entries of a Bundle, found by reference in constant time.

See https://hl7.org/fhir/R4/bundle.html#references.
"""

import re
from typing import Any

from gateway.core import Resource

ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+\Z")
REST = re.compile(r"(.*?/)?([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})\Z")


class BundleIndex:
    """The entries of a Bundle by fullUrl, and by type and id."""

    def __init__(self, bundle: Resource) -> None:
        self._by_url: dict[str, Resource] = {}
        self._by_key: dict[str, Resource] = {}
        self._urls: dict[int, str] = {}
        for entry in entries_of(bundle):
            resource, url = entry.get("resource"), entry.get("fullUrl")
            if not isinstance(resource, dict):
                continue
            if isinstance(url, str):
                self._by_url.setdefault(url, resource)
                self._urls[id(resource)] = url
            self._by_key.setdefault(f"{resource.get('resourceType')}/{resource.get('id')}", resource)

    def full_url_of(self, resource: Resource) -> str:
        """The fullUrl of an entry's resource; empty when it has none."""
        return self._urls.get(id(resource), "")

    def resolve(self, reference: str, full_url: str) -> Resource | None:
        """The entry that a reference in the entry `full_url` points to; None when there is none."""
        plain = reference.partition("/_history/")[0].partition("#")[0]
        found = self._by_url.get(plain)
        if found is not None or ABSOLUTE.match(plain):
            return found
        base = REST.match(full_url)
        if base is not None and base.group(1):
            found = self._by_url.get(base.group(1) + plain)
        return found if found is not None else self._by_key.get(plain)


def entries_of(bundle: Resource) -> list[dict[str, Any]]:
    """The entries that are objects."""
    entries = bundle.get("entry")
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
