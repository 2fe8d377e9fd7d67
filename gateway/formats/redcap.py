"""REDCap records as the API and the report page export them, flat, in JSON or CSV: `{"records": [{field: text}]}`.

One record is one row of the export: field names as keys, values as text (numbers of the JSON form become text), a
field without an answer has no key. Positions are JSON Pointers or rows and columns, as the export has them. The
event-attribute-value form and the API's error object are refused. Options: those of `delimited` for CSV.
See the help of a REDCap API, "Export Records".
"""

from typing import Any

from gateway.core.codec import loads
from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import Decoded, Options, Pointer, json_pointer
from gateway.formats.delimited import decode_csv


def decode_redcap(data: bytes, options: Options) -> Decoded:
    """The records in `data`; raises `BadRequest` with a `payload.*`, `format.csv-*` or `format.redcap-*` rule."""
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"[", b"{", b""):
        rows = decode_csv(data, options)
        return Decoded({"records": rows.tree["rows"]}, rows.locate)
    document = loads(data)
    if not isinstance(document, list):
        raise BadRequest(issue("format.redcap-records"))
    return Decoded({"records": [_record(row, index) for index, row in enumerate(document)]}, _locate)


def _record(row: Any, index: int) -> dict[str, str]:
    if not isinstance(row, dict) or any(isinstance(value, dict | list) for value in row.values()):
        raise BadRequest(issue("format.redcap-records", source=f"/{index}"))
    if row.keys() >= {"record", "field_name", "value"}:
        raise BadRequest(issue("format.redcap-flat", source=f"/{index}"))
    return {name: str(value) for name, value in row.items() if value is not None and value != ""}


def _locate(pointer: Pointer) -> str:
    return json_pointer(pointer[1:])
