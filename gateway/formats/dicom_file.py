"""DICOM Part 10 files: the header of one instance as `{"studies": [{"StudyInstanceUID": "1.2.3", ...}]}`.

The tree is that of `gateway.formats.dicom_json`: one data set, attributes by keyword, tags for those outside its
table. Reading stops before the pixels; binary and private attributes are left out, a text that is longer than its
type allows stays as it came. File meta information (group 0002) is not part of the tree. Positions are tags.

The same header in the DICOM JSON model, as DICOMweb answers `GET .../metadata`, is taken too.

Refused are a file without its preamble and meta information, since what its bytes mean could only be guessed, and one
that ends within an attribute or a sequence, since nobody knows what the rest said. Of a header, unpacked where the
file is deflated, the first 4 MB are read; an attribute that goes on behind them is left out.
There are no options. See https://dicom.nema.org/medical/dicom/current/output/chtml/part10/chapter_7.html.
"""

import logging
import warnings
import zlib
from decimal import Decimal
from io import BytesIO
from typing import Any

from pydicom import Dataset, config, dcmread
from pydicom.dataelem import DataElement, RawDataElement

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import Decoded, Options
from gateway.formats.dicom_json import data_sets, decode_dicom_json

MAX_DEPTH = 50
MAX_ELEMENTS = 100_000
MAX_HEADER_BYTES = 4_000_000
"""How much of a file is read; pixels begin before, in all but the largest headers."""

# Preamble, prefix and group length, which a file begins with; the transfer syntax is in the group that it counts.
_META_BEGINS = 128 + 4 + 12
_ATTRIBUTE = 8  # what is read of an attribute first: tag, kind and length
_UNDEFINED = 0xFFFFFFFF
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_EXPLICIT = b"1.2.840.10008.1.2.1".ljust(len(_DEFLATED), b"\0")
_BINARY = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
_NUMBERS = frozenset(("DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"))

# Values that break DICOM's own rules are the sender's: they are kept, and judged by the mapping and the profiles.
config.settings.reading_validation_mode = config.IGNORE

# What the library logs may quote values.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)


def decode_dicom(data: bytes, options: Options) -> Decoded:
    """The header in `data`; raises `BadRequest` with a `format.dicom-*` rule, or `payload.empty`."""
    if not data.strip(b"\0 \r\n"):
        raise BadRequest(issue("payload.empty"))
    if data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{") and data[128:132] != b"DICM":
        return decode_dicom_json(data, options)
    stream = _Stream()
    try:
        stream.open(_header(data))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = _Reader().model(_read(stream), 0)
    except BadRequest:
        raise
    except Exception:
        # The library has exceptions of its own for each way in which bytes can be wrong, without a common base.
        raise BadRequest(issue("format.dicom-cut" if stream.is_short else "format.dicom-file")) from None
    if not model:
        raise BadRequest(issue("format.dicom-file"))
    return data_sets([model])


class _Stream:
    """The bytes of a header for the library, which takes the end of a file for the end of the data set anywhere."""

    __slots__ = ("_bytes", "_ends", "_is_part")

    def __init__(self) -> None:
        self.open(b"")

    def open(self, header: bytes) -> None:
        """Reads from `header` on."""
        self._bytes = BytesIO(header)
        self._ends: list[int] = []
        self._is_part = False

    def read(self, size: int = -1) -> bytes:
        found = self._bytes.read(size)
        if size > 0 and not found:
            self._ends.append(size)
        self._is_part = self._is_part or (size > len(found) and found.strip(b"\0\r\n") != b"")
        return found

    def seek(self, position: int, whence: int = 0) -> int:
        return self._bytes.seek(position, whence)

    def tell(self) -> int:
        return self._bytes.tell()

    @property
    def is_short(self) -> bool:
        """Whether less was there than was asked for, but for the first bytes of an attribute behind the last."""
        return self._is_part or self._ends not in ([], [_ATTRIBUTE])


def _read(stream: _Stream) -> Dataset:
    """The data set, without the attribute that goes on where a long header was cut off here."""
    data_set = dcmread(stream, stop_before_pixels=True)
    if stream.tell() >= MAX_HEADER_BYTES:
        del data_set[max(data_set.keys())]
    elif stream.is_short or _is_short(data_set):
        raise BadRequest(issue("format.dicom-cut"))
    return data_set


def _is_short(data_set: Dataset) -> bool:
    """Whether the last attribute has less bytes than it says."""
    last = data_set.get_item(max(data_set.keys())) if data_set else None
    return isinstance(last, RawDataElement) and last.length != _UNDEFINED and len(last.value or b"") != last.length


def _header(data: bytes) -> bytes:
    """The first part of the file, unpacked where it is deflated: never more than a header may have."""
    length = int.from_bytes(data[_META_BEGINS - 4 : _META_BEGINS], "little")
    meta = data[: min(_META_BEGINS + length, MAX_HEADER_BYTES)]
    if data[128:132] != b"DICM" or _DEFLATED not in meta:
        return data[:MAX_HEADER_BYTES]
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    unpacked = inflating.decompress(data[len(meta) :], MAX_HEADER_BYTES)
    if len(unpacked) < MAX_HEADER_BYTES and not inflating.eof:
        raise BadRequest(issue("format.dicom-cut"))
    return meta.replace(_DEFLATED, _EXPLICIT) + unpacked


class _Reader:
    """Turns data sets into the DICOM JSON model, and counts their elements."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_ELEMENTS

    def model(self, data_set: Dataset, depth: int) -> dict[str, Any]:
        if depth > MAX_DEPTH:
            raise BadRequest(issue("format.dicom-depth", limit=MAX_DEPTH))
        found = {}
        for element in data_set:
            self.left -= 1
            if self.left < 0:
                raise BadRequest(issue("format.dicom-file"))
            if not element.tag.is_private and element.VR not in _BINARY:
                found[f"{int(element.tag):08X}"] = {"vr": element.VR, "Value": self._values(element, depth)}
        return found

    def _values(self, element: DataElement, depth: int) -> list[Any]:
        value = element.value
        if element.VR == "SQ":
            return [self.model(item, depth + 1) for item in value]
        if value is None or value == "" or value == b"":
            return []
        several = value if element.VM > 1 else [value]
        return [_value(element.VR, one) for one in several if one is not None and one != ""]


def _value(kind: str, value: Any) -> Any:
    if kind == "PN":
        names = {"Alphabetic": value.alphabetic, "Ideographic": value.ideographic, "Phonetic": value.phonetic}
        return {form: name for form, name in names.items() if name}
    if kind == "AT":
        return f"{int(value):08X}"
    if kind in _NUMBERS:
        text = str(getattr(value, "original_string", value)).strip()
        whole = text.lstrip("+-").isdigit()
        number = int(text) if whole else Decimal(text)
        return number if whole or Decimal(text).is_finite() else text
    return str(value)
