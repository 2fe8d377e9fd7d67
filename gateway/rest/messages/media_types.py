"""Media types and their parameters. https://hl7.org/fhir/R4/http.html#mime-type and #version-parameter"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

_VERSIONS: Final = frozenset({"4.0", "4.0.1"})
_CHARSETS: Final = frozenset({"utf-8", "utf8", "us-ascii"})


def split(text: str) -> tuple[str, dict[str, str]]:
    """The name and the parameters of a media type, all in lower case: `application/fhir+json; fhirVersion=4.0`."""
    name, *parameters = (piece.strip() for piece in text.lower().split(";"))
    pairs = (pair.partition("=")[::2] for pair in parameters)
    return name, {key.strip(): value.strip().strip('"') for key, value in pairs}


def is_r4(facts: Mapping[str, str]) -> bool:
    """Whether the parameters name no other version of FHIR."""
    return facts.get("fhirversion", "4.0") in _VERSIONS


@lru_cache(maxsize=256)
def is_readable(content_type: str, types: tuple[str, ...]) -> bool:
    """Whether a body is one of `types`, in UTF-8 and of R4 as far as it tells."""
    name, facts = split(content_type)
    return name in types and facts.get("charset", "utf-8") in _CHARSETS and is_r4(facts)
