"""REDCap records as the API and the report page export them, in JSON or CSV: `{"records": [{field: text}]}`.

One record is one row of the flat export: field names as keys, values as text (numbers of the JSON form become text);
a field without an answer, or with a blank one, has no key. `record_id`, or else the first field that does not say
where the record belongs, is the record's id, whatever its name; each row has it first and as `record` too, and a row
without it has no `record`. Headings of an export with labels that say where it belongs (`Event Name` ...) have their
names of raw ones. An export in the event-attribute-value form (`record`, `field_name`, `value` ...) becomes the same
rows: one for each record, event (by its name, else by `event_id`) and repeat of an instrument, in the order of their
first value; the values of a check box are `field___code` with `1`.
Positions are JSON Pointers or rows and columns, of the first value in that form.
The API's error object is refused. Options: those of `delimited` for CSV, and `by_field`: records field by field
(`redcap_fields`), as mappings by a data dictionary read them, and `record_id`: the name of the field that holds the
record's id, for exports that may lack it (rows without it have no `record` then).
See the help of a REDCap API, "Export Records".
"""

from collections.abc import Callable
from typing import Any

from gateway.core.codec import loads
from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import Decoded, Options, Pointer, json_pointer
from gateway.formats.delimited import read_table
from gateway.formats.redcap_fields import by_field

_LONG = frozenset(("record", "field_name", "value"))
_PLACE = ("record", "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance")
_USUAL_IDENTITY = "record_id"
_HEADINGS = {
    "Event Name": "redcap_event_name",
    "Repeat Instrument": "redcap_repeat_instrument",
    "Repeat Instance": "redcap_repeat_instance",
    "Data Access Group": "redcap_data_access_group",
    "Survey Identifier": "redcap_survey_identifier",
    "Complete?": "form_complete",
}
_COLUMNS = {name: heading for heading, name in _HEADINGS.items()}


def decode_redcap(data: bytes, options: Options) -> Decoded:
    """The records in `data`; raises `BadRequest` with a `payload.*`, `format.csv-*` or `format.redcap-*` rule."""
    decoded, identity = _decoded(data, options)
    return by_field(decoded, identity) if options.get("by_field") else decoded


def _decoded(data: bytes, options: Options) -> tuple[Decoded, str]:
    """The records, and the name of the field that holds their id."""
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"[", b"{", b""):
        table = read_table(data, options)
        identity = str(options.get("record_id") or _identity(table.columns, table.rows))
        if not table.rows and len(table.columns) == 1:  # a line of text, as what answers in the place of an API sends
            raise BadRequest(issue("format.redcap-records"))
        if not _HEADINGS.keys().isdisjoint(table.columns):
            rows = [{_HEADINGS.get(name, name): value for name, value in row.items()} for row in table.rows]
            place = table.locate
            return _records(rows, identity, lambda index: ("rows", index), lambda at: place(_headed(at))), identity
        return _records(table.rows, identity, lambda index: ("rows", index), table.locate), identity
    document = loads(data)
    if not isinstance(document, list):
        raise BadRequest(issue("format.redcap-records"))
    rows = [_row(row, index) for index, row in enumerate(document)]
    identity = str(options.get("record_id") or (_identity(list(document[0]), rows) if document else ""))
    return _records(rows, identity, lambda index: (index,), json_pointer), identity


def _identity(columns: list[str], rows: list[dict[str, str]]) -> str:
    """The name of the field that holds the record's id; "" where there is no column.

    Where each value has a row it is that of the first one, if that tells the id; REDCap writes it first.
    """
    if _is_long(rows):
        first = rows[0]["field_name"] if rows[0].get("value") == rows[0]["record"] else "record"
        return _USUAL_IDENTITY if any(row["field_name"] == _USUAL_IDENTITY for row in rows) else first
    if _USUAL_IDENTITY in columns:
        return _USUAL_IDENTITY
    names = (name for name in columns if name not in _COLUMNS and name not in _HEADINGS)
    return next(names, next(iter(columns), ""))


def _headed(pointer: Pointer) -> Pointer:
    """The path of a value by the heading that its column has."""
    return (*pointer[:2], *(_COLUMNS.get(str(step), step) for step in pointer[2:]))


def _row(row: Any, index: int) -> dict[str, str]:
    if not isinstance(row, dict) or any(isinstance(value, dict | list) for value in row.values()):
        raise BadRequest(issue("format.redcap-records", source=f"/{index}"))
    texts = {name: _text(value) for name, value in row.items() if value is not None}
    return {name: text for name, text in texts.items() if text and not text.isspace()}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _records(
    rows: list[dict[str, str]], identity: str, place: Callable[[int], Pointer], locate: Callable[[Pointer], str]
) -> Decoded:
    """The rows as records, whose id is the field `identity`.

    `place` is the path of a row in the payload, `locate` turns paths into positions.
    """
    if _is_long(rows):
        gathered, sources = _gathered(rows)
        records = [{identity: row[identity], **row} if identity in row else row for row in gathered]
        identity = "record"
    else:
        records = [_with_id(row, identity) if identity in row else row for row in rows]
        sources = list(range(len(rows)))

    def located(pointer: Pointer) -> str:
        if len(pointer) < 2 or not isinstance(pointer[1], int) or pointer[1] >= len(sources):
            return ""
        rest = (identity, *pointer[3:]) if pointer[2:3] == ("record",) else pointer[2:]
        return locate((*place(sources[pointer[1]]), *rest))

    return Decoded({"records": records}, located)


def _is_long(rows: list[dict[str, str]]) -> bool:
    """Whether each row is one value of a record."""
    return bool(rows) and all(row.keys() >= _LONG - {"value"} for row in rows)


def _with_id(row: dict[str, str], identity: str) -> dict[str, str]:
    """The row with its id first, by its own name, and as `record` without the blanks around it."""
    return {identity: row[identity], **row, "record": row[identity].strip()}


def _gathered(rows: list[dict[str, str]]) -> tuple[list[dict[str, str]], list[int]]:
    """One record for each place that the values name, and the number of its first row."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    first: list[int] = []
    boxes: set[tuple[tuple[str, ...], str]] = set()
    for number, row in enumerate(rows):
        event = row.get("redcap_event_name") or row.get("event_id", "")
        where = tuple(event if name == "redcap_event_name" else row.get(name, "").strip() for name in _PLACE)
        if where not in found:
            found[where] = {name: value for name, value in zip(_PLACE, where, strict=True) if value}
            first.append(number)
        record, field, value = found[where], row["field_name"], row.get("value", "")
        if not value:
            continue
        if record.get(field, value) != value:
            record[f"{field}___{record.pop(field)}"] = "1"
            boxes.add((where, field))
        if (where, field) in boxes:
            record[f"{field}___{value}"] = "1"
        else:
            record[field] = value
    return list(found.values()), first
