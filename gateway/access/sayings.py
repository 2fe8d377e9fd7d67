"""What a resource says of whose data and what content it is; what a source says again and again is read once.

Whose and what are told by references and codes alone. The elements with any of them hardly differ among the resources
of a source, where values and times do: so the answer is kept by the text of those elements.
"""

from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from gateway.access.contents import PLAIN, codes_in, kind_of, kind_said, principal_of
from gateway.access.subjects import participants, participants_said, patients_among, references
from gateway.core.kinds import Kind
from gateway.core.types import Resource

LONGEST: Final = 1_000
"""Longer texts hardly come again."""

_encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = msgspec.json.Decoder().decode


class Said(NamedTuple):
    """The codes in the principal element and elsewhere, and the Patients among the references; None for doubt."""

    codes: frozenset[str]
    elsewhere: frozenset[str]
    patients: frozenset[str] | None


def whose_and_what(resource: Resource) -> tuple[tuple[str, ...] | None, Kind]:
    """What `participants` and `kind_of` say of a resource."""
    size, texts = 0, []
    for name, value in resource.items():
        if value.__class__ in PLAIN or _is_measured(value):
            continue
        text = _encode(value)
        if b'"code"' in text or b'"reference"' in text:
            size += len(text)
            texts.append((name, text))
    if size > LONGEST:
        return participants(resource), kind_of(resource)
    said = _said(principal_of(resource["resourceType"]), tuple(texts))
    return participants_said(resource, said.patients), kind_said(resource, said.codes, said.elsewhere)


def _is_measured(value: object) -> bool:
    """Whether a value is a Quantity with nothing below it: its code is a unit, and it refers to nothing."""
    if not isinstance(value, dict) or "value" not in value or "reference" in value:
        return False
    return not any(member.__class__ is dict or member.__class__ is list for member in value.values())


@lru_cache(maxsize=1 << 11)
def _said(principal: str, texts: tuple[tuple[str, bytes], ...]) -> Said:
    trees = [(name, _decode(text)) for name, text in texts]
    return Said(
        frozenset(codes_in([tree for name, tree in trees if name == principal])),
        frozenset(codes_in([tree for name, tree in trees if name not in (principal, "meta")])),
        patients_among(text for _, tree in trees for text in references(tree)),
    )
