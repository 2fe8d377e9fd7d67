"""Resources of every type with a canary for each of the eighteen identifiers of Safe Harbor wherever one fits."""

import base64
import bz2
import gzip
import io
import lzma
import re
import zipfile
import zlib
from contextlib import suppress
from itertools import cycle

import duckdb
import pyarrow.parquet

from gateway.fhirpath import R4

CANARIES = {
    "names": "Zachariah-Quimbleton",
    "places": "Canaryville-upon-Tweed",
    "dates": "1987-11-23",
    "telephone": "+1-555-867-5309",
    "fax": "+1-555-867-5310",
    "mail": "canary@nest.example",
    "social security": "078-05-1120",
    "record": "MRN-CANARY-1",
    "plan": "PLAN-CANARY-2",
    "account": "ACCOUNT-CANARY-3",
    "licence": "LICENCE-CANARY-4",
    "vehicle": "VIN-CANARY-5",
    "device": "SERIAL-CANARY-6",
    "address of a page": "https://canary.example/me",
    "address of a machine": "203.0.113.77",
    "finger": "FINGERPRINT-CANARY-7",
    "face": "FACE-CANARY-8",
    "other": "OTHER-CANARY-9",
}
"""A text for each identifier of 45 CFR 164.514(b)(2)(i)."""

CODED = frozenset(("boolean", "code", "decimal", "integer", "positiveInt", "unsignedInt"))
"""Types of values that hold no text that somebody writes: codes are of value sets, numbers are measurements."""

KEPT = {
    "Coding": {"system", "code"},
    "Quantity": {"system"},
    "Meta": {"profile"},
    "Address": {"state", "country"},
    "SampledData": {"data"},
    "QuestionnaireResponse": {"questionnaire"},
}
"""What the policy leaves as it is by its rules, and so nobody can plant there what must not leave."""

STORED = ("Patient", "Observation", "DiagnosticReport", "QuestionnaireResponse", "DocumentReference", "ImagingStudy",
          "Encounter", "Media", "Composition", "AdverseEvent")  # fmt: skip
"""The types of which a study holds some with canaries."""

QUANTITIES = frozenset(("Age", "Count", "Distance", "Duration", "Money", "MoneyQuantity", "SimpleQuantity"))


def _zipped(data):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report.txt", data)
    return made.getvalue()


PACKINGS = (bytes, gzip.compress, _zipped, zlib.compress, bz2.compress, lzma.compress, base64.b64encode)
"""What may be done to a text before it is written in base64."""


class Planting:
    """Plants canaries in turn; each planting begins with another one."""

    def __init__(self, first=0):
        texts = list(CANARIES.values())
        self._next = cycle(texts[first % len(texts) :] + texts[: first % len(texts)])
        self._packing = cycle(PACKINGS[first % len(PACKINGS) :] + PACKINGS[: first % len(PACKINGS)])

    def resource(self, kind, depth=0):
        """A resource of the type."""
        return {"resourceType": kind, **self.tree(kind, depth)}

    def tree(self, type_name, depth=0):
        """A value of a complex type, with everything that R4 gives it."""
        made = {}
        for key, branch in R4.branches(type_name).items():
            value = self._value(type_name, branch, depth)
            if value is None:
                continue
            many = R4.member(type_name, branch.name).many
            made[key] = [value, value] if many and not branch.is_twin else [value] if many else value
        return made

    def _value(self, type_name, branch, depth):
        if branch.is_twin:
            return self._extended() if depth < 2 else None
        if branch.is_resource:
            return self.resource(("Patient", "Organization", "Observation")[depth], depth + 1) if depth < 2 else None
        if branch.type in CODED or branch.name == "linkId" or branch.name in KEPT.get(_parent(type_name), ()):
            return None
        if branch.is_primitive:
            return self.text(branch.type)
        if branch.type == "Extension":
            return self._extended()["extension"][0]
        return self.tree(branch.type, depth + 1) if depth < 2 and branch.type != type_name else None

    def text(self, type_name):
        """A text, or what stands for one in base64."""
        text = next(self._next)
        if type_name == "base64Binary":
            return base64.b64encode(next(self._packing)(text.encode())).decode()
        return f"{text}/Patient/{text}" if type_name == "uri" and "://" in text else text

    def _extended(self):
        inner = {"url": f"urn:{next(self._next)}", "valueString": next(self._next)}
        return {"id": next(self._next), "extension": [{"url": next(self._next), "extension": [inner]}]}


def _parent(type_name):
    return "Quantity" if type_name in QUANTITIES else type_name


_BASE64 = re.compile(rb"[A-Za-z0-9+/]{8,}={0,2}")
_DEEPEST = 4
"""How many packings within packings are opened."""


def seen_in(data):
    """The identifiers that bytes tell: as they are, backwards, in UTF-16, in hexadecimal or base64, packed or not."""
    texts = list(_texts(data, _DEEPEST))
    return {
        name for name, canary in CANARIES.items() for shape in _shapes(canary) if any(shape in text for text in texts)
    }


def _shapes(canary):
    plain = canary.encode()
    yield from (plain, plain[::-1], plain.upper(), plain.lower(), canary.encode("utf-16-le"), plain.hex().encode())
    for before in range(3):  # in base64 a text looks otherwise at each of three places
        packed = base64.b64encode(b"\0" * before + plain)
        yield packed[(0, 4, 4)[before] : len(packed) - 4]


def _texts(data, deepest):
    """The bytes, what they pack, and what they hold in base64."""
    yield data
    if not deepest:
        return
    inner = list(_unpacked(data))
    for found in set(_BASE64.findall(data)):
        with suppress(ValueError):
            inner.append(base64.b64decode(found + b"=" * (-len(found) % 4)))
    for one in inner:
        yield from _texts(one, deepest - 1)


def _unpacked(data):
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from (archive.read(name) + name.encode() for name in archive.namelist())
    for start, unpack in _UNPACKING.items():
        if data.startswith(start):
            with suppress(*_NOT_PACKED):
                yield unpack(data)


_UNPACKING = {
    b"\x1f\x8b": gzip.decompress,
    b"\x78": zlib.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ": lzma.decompress,
}
_NOT_PACKED = (OSError, EOFError, zlib.error, lzma.LZMAError)
"""What is told of bytes that only begin as if they were packed."""


def everything_in(path):
    """The bytes of a file, and what readers of its format find in it."""
    data = path.read_bytes()
    texts = [data]
    if path.suffix == ".parquet":
        file = pyarrow.parquet.ParquetFile(path)
        texts += [repr(file.read().to_pylist()).encode(), repr(file.metadata.to_dict()).encode()]
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            for (table,) in connection.execute("SHOW TABLES").fetchall():
                texts.append(repr(connection.execute(f'SELECT * FROM "{table}"').fetchall()).encode())
                stored = connection.execute("SELECT * FROM pragma_storage_info(?)", [table]).fetchall()
                texts.append(repr((table, stored)).encode())
    return b"\n".join(texts)
