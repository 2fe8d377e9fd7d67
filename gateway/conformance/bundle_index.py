"""The entries of a Bundle, found by reference in constant time.

See https://hl7.org/fhir/R4/bundle.html#references.
"""

import re
from collections.abc import Sequence
from typing import Any

from gateway.core import Resource

ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+\Z")
REST = re.compile(r"(.*?/)?([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})\Z")
URN = re.compile(r"urn:(?:uuid|oid):")


class BundleIndex:
    """The entries of a Bundle by fullUrl, and by type and id."""

    def __init__(self, bundle: Resource) -> None:
        self._by_url: dict[str, list[Resource]] = {}
        self._by_key: dict[str, list[Resource]] = {}
        self._urls: dict[int, str] = {}
        for entry in entries_of(bundle):
            resource, url = entry.get("resource"), entry.get("fullUrl")
            if not isinstance(resource, dict):
                continue
            version = _version_of(resource)
            if isinstance(url, str):
                self._urls[id(resource)] = url
                _add(self._by_url, url, version, resource)
            _add(self._by_key, f"{resource.get('resourceType')}/{resource.get('id')}", version, resource)

    def full_url_of(self, resource: Resource) -> str:
        """The fullUrl of an entry's resource; empty when it has none."""
        return self._urls.get(id(resource), "")

    def matches(self, reference: str, full_url: str) -> Sequence[Resource]:
        """The entries that a reference in the entry `full_url` may mean, by the rules of the specification.

        A relative one is completed with the base of `full_url`, which for `urn:uuid:` and `urn:oid:` takes the id
        alone; only where there is no fullUrl are entries found by type and id. A version must be the one stated.
        """
        plain, _, version = reference.partition("/_history/")
        plain, wanted = plain.partition("#")[0], f"/_history/{version}" if version else ""
        if ABSOLUTE.match(plain):
            return self._by_url.get(plain + wanted, ())
        if full_url:
            return self._by_url.get(_completed(plain, full_url) + wanted, ())
        return self._by_key.get(plain + wanted, ())

    def resolve(self, reference: str, full_url: str) -> Resource | None:
        """The entry that a reference in the entry `full_url` points to, found by type and id if need be; or None."""
        found = self.matches(reference.partition("/_history/")[0], full_url)
        if not found:
            found = self._by_key.get(reference.partition("/_history/")[0].partition("#")[0], ())
        return found[0] if found else None


def _add(known: dict[str, list[Resource]], name: str, version: object, resource: Resource) -> None:
    known.setdefault(name, []).append(resource)
    if isinstance(version, str):
        known.setdefault(f"{name}/_history/{version}", []).append(resource)


def _completed(reference: str, full_url: str) -> str:
    urn = URN.match(full_url)
    if urn is not None:
        return urn.group() + reference.rpartition("/")[2]
    base = REST.match(full_url)
    return (base.group(1) or "") + reference if base is not None else reference


def _version_of(resource: Resource) -> object:
    meta = resource.get("meta")
    return meta.get("versionId") if isinstance(meta, dict) else None


def entries_of(bundle: Resource) -> list[dict[str, Any]]:
    """The entries that are objects."""
    entries = bundle.get("entry")
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
