"""Rules of Bundles beyond their structure: fullUrl.

See https://hl7.org/fhir/R4/bundle.html#fullurl.
"""

from gateway.conformance.bundle_index import ABSOLUTE, REST
from gateway.conformance.run import Location, Run
from gateway.core import Resource


def check_bundle(bundle: Resource, at: Location, run: Run) -> None:
    """The rules on fullUrl: absolute, and ending with the id of its resource where it is a REST address."""
    entries = bundle.get("entry")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        url = entry.get("fullUrl") if isinstance(entry, dict) else None
        if not isinstance(url, str):
            continue
        where = (at, "entry", index)
        if not ABSOLUTE.match(url):
            run.report("conformance.full-url-relative", where)
            continue
        resource = entry.get("resource")
        address = REST.match(url) if isinstance(resource, dict) and not url.startswith("urn:") else None
        if address is not None and isinstance(resource.get("id"), str) and resource["id"] != address.group(3):
            run.report("conformance.full-url-id", where)
