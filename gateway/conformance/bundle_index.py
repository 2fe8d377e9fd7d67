"""The entries of a Bundle, found by reference in constant time.

See https://hl7.org/fhir/R4/bundle.html#references.
"""

import re
from collections import Counter
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
        self._counts: Counter[str] = Counter()
        for entry in entries_of(bundle):
            resource, url = entry.get("resource"), entry.get("fullUrl")
            if not isinstance(resource, dict):
                continue
            if isinstance(url, str):
                self._by_url.setdefault(url, resource)
                self._counts[url] += 1
                self._urls[id(resource)] = url
            key = f"{resource.get('resourceType')}/{resource.get('id')}"
            self._by_key.setdefault(key, resource)
            self._counts[key] += 1

    def full_url_of(self, resource: Resource) -> str:
        """The fullUrl of an entry's resource; empty when it has none."""
        return self._urls.get(id(resource), "")

    def count(self, reference: str, full_url: str) -> int:
        """How many entries a reference in the entry `full_url` may mean; a version that it states must be there."""
        plain, _, version = reference.partition("/_history/")
        base = REST.match(full_url)
        candidates = [plain]
        if base is not None and base.group(1) and not ABSOLUTE.match(plain):
            candidates.insert(0, base.group(1) + plain)
        found = next((self._counts[name] for name in candidates if self._counts[name]), 0)
        target = self.resolve(reference, full_url)
        if version and target is not None and found > 0:
            meta = target.get("meta")
            stated = meta.get("versionId") if isinstance(meta, dict) else None
            return 1 if stated == version or found > 1 else 0
        return found

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
