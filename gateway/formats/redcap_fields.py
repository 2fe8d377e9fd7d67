"""REDCap records field by field: `{"responses": [{record, event, instrument, instance, fields}]}`.

What a data dictionary tells of fields can be looked up by their names then: `fields` are `{name, answers}`, and
answers `{name, value}`, the name once more. The boxes of a check box (`field___code` with `1`) are one field whose
answers are the codes, those that begin with a minus too (`field____99`); what is not ticked (`0`, the label
`Unchecked`) is no answer. The record's id is no field, nor is what says where the record belongs.
"""

import re
from typing import Any

from gateway.formats.decoded import Decoded, Pointer

_BOX = re.compile(r"([a-z][a-z0-9_]*?)___(.+)", re.DOTALL)
_PLACE = {
    "redcap_event_name": "event",
    "redcap_repeat_instrument": "instrument",
    "redcap_repeat_instance": "instance",
}
_NOT_TICKED = frozenset(("0", "Unchecked"))
_NO_FIELD = frozenset(("record", "redcap_survey_identifier", "redcap_data_access_group", *_PLACE))


def by_field(decoded: Decoded, identity: str) -> Decoded:
    """The records of `decode_redcap`, whose id is the field `identity`; positions are those of the values."""
    records: list[dict[str, str]] = decoded.tree["records"]
    made = [_response(record, identity) for record in records]

    def locate(pointer: Pointer) -> str:
        if len(pointer) < 2 or not isinstance(pointer[1], int) or pointer[1] >= len(made):
            return ""
        return decoded.locate(("records", pointer[1], *_column(made[pointer[1]], pointer[2:], records[pointer[1]])))

    return Decoded({"responses": made}, locate)


def _response(record: dict[str, str], identity: str) -> dict[str, Any]:
    fields: dict[str, list[dict[str, str]]] = {}
    for column, value in record.items():
        if column in _NO_FIELD or column == identity:
            continue
        box = _BOX.fullmatch(column)
        if box is None:
            fields.setdefault(column, []).append({"name": column, "value": value})
        elif value not in _NOT_TICKED:
            code = "-" + box[2][1:] if box[2].startswith("_") else box[2]  # a column cannot have a minus in its name
            fields.setdefault(box[1], []).append({"name": box[1], "value": code})
    place = {name: record[column] for column, name in _PLACE.items() if column in record}
    listed = [{"name": name, "answers": answers} for name, answers in fields.items()]
    return {"record": record["record"], **place, "fields": listed} if "record" in record else {"fields": listed}


def _column(response: dict[str, Any], path: Pointer, record: dict[str, str]) -> Pointer:
    """The column of a path within a response; () for a path that is in none."""
    if path and path[0] == "fields":
        if len(path) < 2:
            return ()
        field = response["fields"][path[1]]
        answer = field["answers"][path[3] if len(path) > 3 else 0]
        code = answer["value"]
        boxes = [f"{answer['name']}___{each}" for each in (code, "_" + code[1:])]
        return (next((box for box in boxes if box in record), answer["name"]),)
    columns = {name: column for column, name in _PLACE.items()}
    return tuple(columns.get(str(step), step) for step in path[:1])
