"""One HL7 v2 segment: separators, escapes, fields, repetitions, components (`gateway.formats.hl7v2`)."""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from typing import Any, TypeAlias, cast

Segment: TypeAlias = dict[str, Any]

_TEXT_TYPES = frozenset(("ST", "TX", "FT"))
_TEXT_FIELD = 5
_ESCAPE = {"F": 1, "S": 2, "R": 3, "T": 4}
_HIGHLIGHT = frozenset("HN")
_NO_PARTS = ("", "", "")

MAX_NAMED = 127
"""Names of fields up to this number are built once; HL7 has no segment with more."""

MAX_PARTS = 24
"""Names of components up to this number are built once; what has more is read the slower way."""


class _Names(dict[str, str]):
    """The names of a field: itself by "", its components by their key in a composite, `f5_3` by `c3`."""

    def __init__(self, number: int) -> None:
        super().__init__({"": f"f{number}"} | {f"c{part}": f"f{number}_{part}" for part in range(1, MAX_PARTS + 1)})

    def __missing__(self, key: str) -> str:
        return f"{self['']}_{key[1:]}"


_NAMES = [_Names(number) for number in range(MAX_NAMED + 1)]
_COMPONENTS = [f"c{number}" for number in range(64)]
_NAMED = [(names[""], names["c1"], [(key, names[key]) for key in _COMPONENTS[1 : MAX_PARTS + 1]]) for names in _NAMES]
"""For each field its name, that of its first component, and for each component its key and its name."""
_NUMBERS = range(MAX_NAMED + 1)
_HEADERS = frozenset(("MSH", "BHS", "FHS"))


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """The separators that a header segment declares; one object for the same ones."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str
    escaped: re.Pattern[str]

    def is_special(self, text: str) -> bool:
        """Whether a text has more than fields and components: repetitions, subcomponents, escapes, nulls."""
        if self.repetition in text or self.escape in text or self.subcomponent in text:
            return True
        return '"' in text and '""' in text

    @classmethod
    def of(cls, header: str) -> "Encoding | None":
        """The separators of an MSH, BHS or FHS line; None when they are not distinct punctuation."""
        return _encoding(header[3:8])


@lru_cache(maxsize=16)
def _encoding(start: str) -> Encoding | None:
    declared = start[:1] + start[1:].split(start[:1] or "|", 1)[0]
    characters = declared + "|^~\\&"[len(declared) :]
    punctuation = all(not (c.isalnum() or c.isspace()) and c.isprintable() for c in characters)
    if len(declared) < 2 or not punctuation or len(set(characters)) != 5:
        return None
    field, component, repetition, escape, subcomponent = tuple(characters)
    mark = re.escape(escape)
    return Encoding(field, component, repetition, escape, subcomponent, re.compile(f"{mark}([^{mark}]*){mark}"))


USUAL = cast(Encoding, _encoding("|^~\\&"))


def read_segment(line: str, encoding: Encoding) -> Segment:
    """The dict of one segment line; see `gateway.formats.hl7v2` for its keys."""
    if line[:3] in _HEADERS:
        return read_header(line, encoding, is_plain=not encoding.is_special(line[9:]))
    if not encoding.is_special(line):
        return read_plain(line, encoding)
    return _read(line, encoding)


def read_header(line: str, encoding: Encoding, *, is_plain: bool) -> Segment:
    """As `read_segment`, for a header; `is_plain` where it has nothing special behind its separators."""
    parts = line.split(encoding.field)
    segment: Segment = {"f1": encoding.field, "f2": parts[1]}
    parts[0:2] = _NO_PARTS
    if is_plain:
        read_plain_fields(segment, parts, encoding)
    else:
        _read_fields(segment, parts, 0, encoding)
    return segment


def read_plain(line: str, encoding: Encoding) -> Segment:
    """As `read_segment`, for a line that has nothing special and is no header, as most lines are."""
    if line[:3] == "OBX":
        return _read(line, encoding)
    segment: Segment = {}
    parts = line.split(encoding.field)
    parts[0] = ""
    read_plain_fields(segment, parts, encoding)
    return segment


def _read(line: str, encoding: Encoding) -> Segment:
    segment: Segment = {}
    parts = line.split(encoding.field)
    parts[0] = ""
    text_field = _TEXT_FIELD if line[:3] == "OBX" and len(parts) > _TEXT_FIELD and parts[2] in _TEXT_TYPES else 0
    _read_fields(segment, parts, text_field, encoding)
    return segment


def copied(segment: Segment) -> Segment:
    """The same dict, to be changed on its own."""
    made = segment.copy()
    for name, value in segment.items():
        if value.__class__ is dict:
            made[name] = value.copy()
    return made


def read_plain_fields(segment: Segment, parts: list[str], encoding: Encoding) -> None:
    """The fields of a line that has components at most, none of which is a text; as `_read_fields` does."""
    if len(parts) > MAX_NAMED:
        _read_fields(segment, parts, 0, encoding)
        return
    component = encoding.component
    for number in compress(_NUMBERS, parts):
        raw = parts[number]
        field, first, names = _NAMED[number]
        if component not in raw:
            segment[field] = segment[first] = raw
            continue
        texts = raw.split(component)
        if len(texts) > MAX_PARTS:
            _composite_field(segment, number, raw, encoding)
            continue
        values = segment[field] = {}
        part = -1  # to count costs less than `zip` or `enumerate` take to begin
        for text in texts:
            part += 1
            if text:
                key, name = names[part]
                values[key] = segment[name] = text
        if not values:
            del segment[field]


def _read_fields(segment: Segment, parts: list[str], text_field: int, encoding: Encoding) -> None:
    """The fields of any line: repetitions, subcomponents, escapes, explicit nulls."""
    component, repetition = encoding.component, encoding.repetition
    subcomponent, escape = encoding.subcomponent, encoding.escape
    for number, raw in enumerate(parts):
        if not raw or raw == '""':
            continue
        if component in raw or escape in raw or repetition in raw or subcomponent in raw or number > MAX_NAMED:
            if number == text_field:
                _text_field(segment, number, raw, encoding)
            else:
                _composite_field(segment, number, raw, encoding)
        else:
            field, first, _ = _NAMED[number]
            segment[field] = segment[first] = raw


def _text_field(segment: Segment, number: int, raw: str, encoding: Encoding) -> None:
    lines = [_unescaped(line, encoding) for line in raw.split(encoding.repetition)]
    segment[f"f{number}"] = segment[f"f{number}_1"] = lines[0] if len(lines) == 1 else lines


def _composite_field(segment: Segment, number: int, raw: str, encoding: Encoding) -> None:
    names = _NAMES[number] if number <= MAX_NAMED else _Names(number)
    if encoding.repetition not in raw:
        value = _repetition(raw, encoding)
        if value:
            segment[names[""]] = value
            if isinstance(value, str):
                segment[names["c1"]] = value
            else:
                for key, text in value.items():
                    segment[names[key]] = text
        return
    values = [value for part in raw.split(encoding.repetition) if (value := _repetition(part, encoding))]
    if values:
        segment[names[""]] = values
    for value in values:
        for key, text in ({"c1": value} if isinstance(value, str) else value).items():
            segment.setdefault(names[key], []).append(text)


def _repetition(raw: str, encoding: Encoding) -> str | dict[str, str]:
    """Text, or the components by `cM` and `cM_K`; empty when nothing has content."""
    subcomponent, escape = encoding.subcomponent, encoding.escape
    plain = escape not in raw
    if encoding.component not in raw and subcomponent not in raw:
        return "" if raw == '""' else raw if plain else _unescaped(raw, encoding)
    components: dict[str, str] = {}
    number = 0
    for part in raw.split(encoding.component):
        number += 1
        if not part or part == '""':
            continue
        key = _COMPONENTS[number] if number < 64 else f"c{number}"
        if subcomponent in part:
            _subcomponents(components, key, part, encoding)
        else:
            components[key] = part if plain else _unescaped(part, encoding)
    return components


def _subcomponents(components: dict[str, str], key: str, part: str, encoding: Encoding) -> None:
    for position, text in enumerate(part.split(encoding.subcomponent), 1):
        if text and text != '""':
            components[key if position == 1 else f"{key}_{position}"] = _unescaped(text, encoding)


def _unescaped(text: str, encoding: Encoding) -> str:
    if encoding.escape not in text:
        return text
    separators = encoding.field + encoding.component + encoding.repetition + encoding.subcomponent

    def resolve(found: re.Match[str]) -> str:
        code = found.group(1)
        if code in _ESCAPE:
            return separators[_ESCAPE[code] - 1]
        if code == "E":
            return encoding.escape
        return _resolved(code, found.group(0))

    return encoding.escaped.sub(resolve, text)


def _resolved(code: str, original: str) -> str:
    """Formatting commands become line breaks or nothing; what is unknown stays as it was written."""
    if code in _HIGHLIGHT:
        return ""
    if code.startswith((".br", ".sp")):
        return "\n"
    if code.startswith("X"):
        try:
            return bytes.fromhex(code[1:]).decode("utf-8")
        except ValueError:
            return original
    return original
