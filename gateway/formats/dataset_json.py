"""CDISC Dataset-JSON: `{"name": "LB", "columns": [...], "rows": [{"LBTESTCD": "ALT", ...}, ...], ...}`.

The tree is the document with `rows` as dicts by the columns' names; a value that is null, or an empty or blank text,
has no key. Numbers are int, or Decimal with their own digits. `columns` stay as they are. Taken are version 1.1 as
one document or as lines (NDJSON: what describes the data set, then a row a line), and version 1.0, whose one item
group becomes the tree. Positions are JSON Pointers of what came, `/rows/3/5`, or `line 5 /5`.
A row with more or fewer values than there are columns refuses the payload, and so do lines that are fewer or more
than its `records` says. There are no options. See https://www.cdisc.org/standards/data-exchange/dataset-json.
"""

from codecs import BOM_UTF8
from collections.abc import Callable
from typing import Any

from gateway.core.codec import loads
from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import Decoded, Options, Pointer, json_pointer
from gateway.formats.ndjson import decode_ndjson

MAX_COLUMNS = 2_000
_PARENTS = ("clinicalData", "referenceData")

_Locate = Callable[[Pointer], str]


def decode_dataset_json(data: bytes, options: Options) -> Decoded:
    """The data set in `data`; raises `BadRequest` with a `payload.*` rule or `format.dataset-json`."""
    document, locate_in_payload = _document(data.removeprefix(BOM_UTF8))
    names = _names(document, locate_in_payload)
    places = {name: index for index, name in enumerate(names)}
    rows = [_row(row, names, locate_in_payload(("rows", index))) for index, row in enumerate(document["rows"])]

    def locate(pointer: Pointer) -> str:
        if len(pointer) > 2 and pointer[0] == "rows":
            return locate_in_payload((*pointer[:2], places.get(str(pointer[2]), pointer[2])))
        return locate_in_payload(pointer)

    return Decoded({**document, "rows": rows}, locate)


def _document(data: bytes) -> tuple[dict[str, Any], _Locate]:
    """What describes the data set with `columns` and `rows`, and the position of a path in it."""
    first, _, rest = data.lstrip().partition(b"\n")
    if first.rstrip().endswith(b"}") and rest.strip():
        return _of_lines(data)
    document = loads(data)
    parent = next((name for name in _PARENTS if isinstance(document, dict) and name in document), None)
    if parent is not None:
        return _of_group(document, parent)
    if isinstance(document, dict) and document.get("records") == 0:
        document.setdefault("rows", [])
    return document, json_pointer


def _of_lines(data: bytes) -> tuple[dict[str, Any], _Locate]:
    lines = decode_ndjson(data, {})
    head, *rows = lines.tree["records"]
    if not isinstance(head, dict) or "rows" in head or head.get("records", len(rows)) != len(rows):
        raise BadRequest(issue("format.dataset-json", source="line 1"))

    def locate(pointer: Pointer) -> str:
        if pointer[:1] == ("rows",) and len(pointer) > 1 and isinstance(pointer[1], int):
            return lines.locate(("records", pointer[1] + 1, *pointer[2:]))
        return lines.locate(("records", 0, *pointer))

    return {**head, "rows": rows}, locate


def _of_group(document: dict[str, Any], parent: str) -> tuple[dict[str, Any], _Locate]:
    """Version 1.0, which holds data sets as item groups; one is taken."""
    held = document[parent]
    groups = held.get("itemGroupData") if isinstance(held, dict) else None
    if not isinstance(groups, dict) or len(groups) != 1:
        raise BadRequest(issue("format.dataset-json", source=f"/{parent}"))
    ((name, group),) = groups.items()
    if not isinstance(group, dict):
        raise BadRequest(issue("format.dataset-json", source=json_pointer((parent, "itemGroupData", name))))
    renamed = {"columns": "items", "rows": "itemData"}

    def locate(pointer: Pointer) -> str:
        if pointer and pointer[0] in renamed:
            return json_pointer((parent, "itemGroupData", name, renamed[str(pointer[0])], *pointer[1:]))
        return json_pointer(pointer)

    around = {key: value for key, value in document.items() if key != parent}
    return {**around, **group, "columns": group.get("items"), "rows": group.get("itemData")}, locate


def _names(document: Any, locate: _Locate) -> list[str]:
    columns = document.get("columns") if isinstance(document, dict) else None
    if not isinstance(columns, list) or not isinstance(document.get("rows"), list) or len(columns) > MAX_COLUMNS:
        raise BadRequest(issue("format.dataset-json"))
    given = [column.get("name") for column in columns if isinstance(column, dict)]
    names = [name for name in given if isinstance(name, str) and name]
    if len(names) != len(columns) or len(set(names)) != len(names):
        raise BadRequest(issue("format.dataset-json", source=locate(("columns",))))
    return names


def _row(row: Any, names: list[str], source: str) -> dict[str, Any]:
    if not isinstance(row, list) or len(row) != len(names):
        raise BadRequest(issue("format.dataset-json", source=source))
    return {name: value for name, value in zip(names, row, strict=True) if _says(value)}


def _says(value: Any) -> bool:
    return value is not None and not (isinstance(value, str) and (not value or value.isspace()))
