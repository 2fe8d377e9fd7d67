"""Bulk data out: what one reader may take along, as files.

`export` streams through a Door whose action is `disclose`, so consent, scopes and audit are the same as everywhere,
and a withdrawal takes effect in mid-stream. Files are NDJSON, one a resource type, with a manifest like Bulk Data's.
`bulk` has the exports that clients start over HTTP.
"""

from gateway.export.ndjson import Manifest, Output, export

__all__ = ["Manifest", "Output", "export"]
