"""Bulk data out: what one reader may take along, as files.

`export` streams through a Door whose action is `disclose`, so consent, scopes and audit are the same as everywhere,
and a withdrawal takes effect in mid-stream. Files are NDJSON, one a resource type, with a manifest like Bulk Data's.
`Bundles` writes FHIR Bundles instead, `upload` takes a finished folder to any place that fsspec knows.
`bulk` has the exports that clients start over HTTP.
"""

from gateway.export.bundles import Bundles
from gateway.export.folders import Manifest, Output
from gateway.export.ndjson import export
from gateway.export.remote import upload

__all__ = ["Bundles", "Manifest", "Output", "export", "upload"]
