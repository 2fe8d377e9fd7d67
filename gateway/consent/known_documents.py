"""The documents of withdrawal that every study knows; data, with its origin, in `withdrawal_documents.json`."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from gateway.core.codec import loads

_OID: Final = "urn:oid:"


@cache
def known_documents() -> Mapping[str, str]:
    """The mode of withdrawal by the policy URI of a document: OIDs with and without their prefix."""
    read = loads(files("gateway.consent").joinpath("withdrawal_documents.json").read_bytes())
    oids = {read["prefix"] + number: mode for number, mode in read["documents"].items()}
    return MappingProxyType(oids | {_OID + oid: mode for oid, mode in oids.items()})
