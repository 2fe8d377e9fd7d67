"""CDISC Dataset-JSON 1.1: `{"name": "LB", "rows": [{"LBTESTCD": "ALT", ...}, ...], ...}`.

The tree is the document with `rows` as dicts by the columns' names; a value that is null or an empty text has no key.
Numbers are int, or Decimal with their own digits. `columns` stay as they are. Positions are JSON Pointers of the
document, `/rows/3/5`. A row with more or fewer values than there are columns refuses the payload.
There are no options. See https://www.cdisc.org/standards/data-exchange/dataset-json.
"""

from typing import Any

from gateway.core.codec import loads
from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import Decoded, Options, Pointer, json_pointer

MAX_COLUMNS = 2_000


def decode_dataset_json(data: bytes, options: Options) -> Decoded:
    """The data set in `data`; raises `BadRequest` with a `payload.*` rule or `format.dataset-json`."""
    document = loads(data)
    names = _names(document)
    places = {name: index for index, name in enumerate(names)}
    rows = [_row(row, names, index) for index, row in enumerate(document["rows"])]

    def locate(pointer: Pointer) -> str:
        if len(pointer) > 2 and pointer[0] == "rows":
            return json_pointer((*pointer[:2], places.get(str(pointer[2]), pointer[2])))
        return json_pointer(pointer)

    return Decoded({**document, "rows": rows}, locate)


def _names(document: Any) -> list[str]:
    columns = document.get("columns") if isinstance(document, dict) else None
    if not isinstance(columns, list) or not isinstance(document.get("rows"), list) or len(columns) > MAX_COLUMNS:
        raise BadRequest(issue("format.dataset-json"))
    given = [column.get("name") for column in columns if isinstance(column, dict)]
    names = [name for name in given if isinstance(name, str) and name]
    if len(names) != len(columns) or len(set(names)) != len(names):
        raise BadRequest(issue("format.dataset-json", source="/columns"))
    return names


def _row(row: Any, names: list[str], index: int) -> dict[str, Any]:
    if not isinstance(row, list) or len(row) != len(names):
        raise BadRequest(issue("format.dataset-json", source=f"/rows/{index}"))
    return {name: value for name, value in zip(names, row, strict=True) if value is not None and value != ""}
