"""Decoders: bytes of a vendor's format to a plain tree, with the way back to positions in the payload.

`decode(data, "hl7v2")` gives `Decoded(tree, locate)`. Trees are plain dict, list, text and numbers, made for FHIRPath
without a model: one value and a list of one value read the same. Each decoder documents its tree:
`json_text` (the document itself), `ndjson` (`records`), `delimited` (`rows`), `xml` (the root by name), `hl7v2`
(segments, fields `f3_1`, ORU groups), `dicom_json` and `dicom_file` (`studies` by keyword), `odm` (elements of
ODM-XML), `dataset_json` (`rows`), `redcap` (`records`), `fhir` (`resources`).
What a decoder refuses, it refuses whole, with a rule and a position.

A file that is too large for memory comes in parts where its format can be cut between records: `Format.parts` gives
payloads that each decode by themselves, `stream` their trees.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, BinaryIO

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.dataset_json import decode_dataset_json
from gateway.formats.decoded import (
    NO_OPTIONS,
    NO_ROWS,
    Alike,
    AlikeRecords,
    Decoded,
    Options,
    Pointer,
    Rows,
    json_pointer,
)
from gateway.formats.delimited import decode_csv, decode_tsv
from gateway.formats.dicom_json import decode_dicom_json
from gateway.formats.fhir import decode_fhir
from gateway.formats.hl7v2 import decode_hl7v2, field_of
from gateway.formats.hl7v2_results import RESULTS
from gateway.formats.json_text import decode_json
from gateway.formats.ndjson import decode_ndjson
from gateway.formats.odm import decode_odm
from gateway.formats.options import TABLE_OPTIONS, XML_OPTIONS, is_name, is_switch
from gateway.formats.parts import PART_BYTES, Cut, Part, split_csv, split_ndjson
from gateway.formats.redcap import decode_redcap
from gateway.formats.xml import decode_xml
from gateway.formats.xml_parts import split_xml

MAX_BYTES = 50_000_000
"""The largest payload that is decoded."""


@dataclass(frozen=True, slots=True)
class Format:
    """A payload format: its decoder, the media types it comes with (best first) and its usual file suffixes.

    `parts` cuts a large file between records; None where it cannot be cut. `options` are those that mappings may set,
    each with what tells the problem of a value ("" for none). `holder` gives for a name in an object of
    the tree the name beside it whose value tells that of the first: `f3` for `f3_1`, itself where there is none.
    `alike` describes the rows that its trees have, None for none.
    """

    name: str
    decode: Callable[[bytes, Options], Decoded]
    media_types: tuple[str, ...]
    suffixes: tuple[str, ...]
    parts: Cut | None = None
    holder: Callable[[str], str] = str
    options: Mapping[str, Callable[[Any], str]] = field(default_factory=dict)
    alike: Alike | None = None


def _dicom(data: bytes, options: Options) -> Decoded:
    """Loads pydicom when the first file comes: a start without imaging does not pay for it."""
    from gateway.formats.dicom_file import decode_dicom

    return decode_dicom(data, options)


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            Format("json", decode_json, ("application/json",), (".json",)),
            Format("ndjson", decode_ndjson, ("application/x-ndjson",), (".ndjson", ".jsonl"), split_ndjson),
            Format("csv", decode_csv, ("text/csv",), (".csv",), split_csv, options=TABLE_OPTIONS),
            Format("tsv", decode_tsv, ("text/tab-separated-values",), (".tsv",), split_csv, options=TABLE_OPTIONS),
            Format("xml", decode_xml, ("application/xml", "text/xml"), (".xml",), split_xml, options=XML_OPTIONS),
            Format(
                "hl7v2",
                decode_hl7v2,
                ("x-application/hl7-v2+er7", "application/hl7-v2"),
                (".hl7",),
                holder=field_of,
                alike=RESULTS,
            ),
            Format("dicom-json", decode_dicom_json, ("application/dicom+json", "application/json"), (".json",)),
            Format("dicom", _dicom, ("application/dicom", "application/dicom+json"), (".dcm", ".json")),
            Format(
                "redcap",
                decode_redcap,
                ("application/json", "text/csv"),
                (".json", ".csv"),
                options={**TABLE_OPTIONS, "by_field": is_switch, "record_id": is_name},
            ),
            Format("odm", decode_odm, ("application/xml", "text/xml", "application/odm+xml"), (".xml",)),
            Format(
                "dataset-json",
                decode_dataset_json,
                ("application/json", "application/x-ndjson"),
                (".json", ".ndjson"),
            ),
            Format("fhir", decode_fhir, ("application/fhir+json", "application/json"), (".json",)),
        )
    }
)
"""Every format by name."""


def option_faults(format: str, options: Options) -> list[tuple[str, str]]:
    """Name and problem of each of a mapping's options that its format does not have, or not with this value."""
    found = FORMATS.get(format)
    if found is None:
        return []
    known = ", ".join(found.options) or "none"
    problems = [
        (name, found.options[name](value) if name in found.options else f"options of {format}: {known}")
        for name, value in options.items()
    ]
    return [(name, problem) for name, problem in problems if problem]


def decode(data: bytes, format: str, options: Options = NO_OPTIONS) -> Decoded:
    """The tree of a payload in `format`, a key of `FORMATS`; `options` are the mapping's `source.options`.

    Raises `BadRequest` with a rule of the areas `format` and `payload`, its position in `source`.
    """
    read = _format(format).decode
    if len(data) > MAX_BYTES:
        raise BadRequest(issue("payload.too-large", limit=MAX_BYTES))
    return read(data, options)


def stream(file: BinaryIO, format: str, options: Options = NO_OPTIONS, size: int = PART_BYTES) -> Iterator[Decoded]:
    """The trees of a file part by part, each of about `size` bytes of records; one tree where it cannot be cut.

    Memory is bounded by the part, not by the file. Raises as `decode` does, at the part that it concerns.
    """
    found = _format(format)
    if found.parts is None:
        yield decode(file.read(MAX_BYTES + 1), format, options)
        return
    for part in found.parts(file, options, size):
        yield found.decode(part.body, options)


def _format(name: str) -> Format:
    try:
        return FORMATS[name]
    except KeyError:
        raise BadRequest(issue("format.unknown", format=name, known=", ".join(FORMATS))) from None


__all__ = [
    "FORMATS",
    "MAX_BYTES",
    "NO_OPTIONS",
    "NO_ROWS",
    "PART_BYTES",
    "Alike",
    "AlikeRecords",
    "Decoded",
    "Format",
    "Options",
    "Part",
    "Pointer",
    "Rows",
    "decode",
    "json_pointer",
    "option_faults",
    "stream",
]
