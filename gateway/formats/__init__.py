"""Decoders: bytes of a vendor's format to a plain tree, with the way back to positions in the payload.

`decode(data, "hl7v2")` gives `Decoded(tree, locate)`. Trees are plain dict, list, text and numbers, made for FHIRPath
without a model: one value and a list of one value read the same. Each decoder documents its tree: `json_text` (the
document itself), `delimited` (`rows`), `hl7v2` (segments, fields `f3_1`, ORU groups), `dicom_json` (`studies` by
keyword), `odm` (elements of ODM-XML), `redcap` (`records`).
What a decoder refuses, it refuses whole, with a rule and a position.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import NO_OPTIONS, Decoded, Options, Pointer, json_pointer
from gateway.formats.delimited import decode_csv
from gateway.formats.dicom_json import decode_dicom_json
from gateway.formats.hl7v2 import decode_hl7v2
from gateway.formats.json_text import decode_json
from gateway.formats.odm import decode_odm
from gateway.formats.redcap import decode_redcap

MAX_BYTES = 50_000_000
"""The largest payload that is decoded."""


@dataclass(frozen=True, slots=True)
class Format:
    """A payload format: its decoder, the media types it comes with (best first) and its usual file suffixes."""

    name: str
    decode: Callable[[bytes, Options], Decoded]
    media_types: tuple[str, ...]
    suffixes: tuple[str, ...]


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            Format("json", decode_json, ("application/json",), (".json",)),
            Format("csv", decode_csv, ("text/csv",), (".csv",)),
            Format("hl7v2", decode_hl7v2, ("x-application/hl7-v2+er7", "application/hl7-v2"), (".hl7",)),
            Format("dicom-json", decode_dicom_json, ("application/dicom+json", "application/json"), (".json",)),
            Format("redcap", decode_redcap, ("application/json", "text/csv"), (".json", ".csv")),
            Format("odm", decode_odm, ("application/xml", "text/xml", "application/odm+xml"), (".xml",)),
        )
    }
)
"""Every format by name."""


def decode(data: bytes, format: str, options: Options = NO_OPTIONS) -> Decoded:
    """The tree of a payload in `format`, a key of `FORMATS`; `options` are the mapping's `source.options`.

    Raises `BadRequest` with a rule of the areas `format` and `payload`, its position in `source`.
    """
    found = FORMATS.get(format)
    if found is None:
        raise BadRequest(issue("format.unknown", format=format, known=", ".join(FORMATS)))
    if len(data) > MAX_BYTES:
        raise BadRequest(issue("payload.too-large", limit=MAX_BYTES))
    return found.decode(data, options)


__all__ = ["FORMATS", "Decoded", "Format", "Options", "Pointer", "decode", "json_pointer"]
