"""The transaction Bundles of Synthea, made ready for the demo study: each with its participant's Consent beside."""

import copy
import gzip
import json
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.core.codec import dumps, loads

FOLDER = Path(os.environ.get("GATEWAY_SYNTHEA_DIR", Path(__file__).parents[2] / "shared" / "synthea"))
"""`bundle-*.json.gz`"""

Tree = dict[str, Any]


def bundles(consent: Tree, count: int, turn: int = 0) -> list[bytes]:
    """The first `count` Bundles, each with `consent` for its Patient added; none where the folder is missing.

    Each `turn` has other participants: other identifiers and times, at the same places with the same codes.
    """
    found = []
    for path in sorted(FOLDER.glob("bundle-*.json.gz"))[:count]:
        bundle = loads(_another(gzip.decompress(path.read_bytes()), turn))
        patient = next(one["fullUrl"] for one in bundle["entry"] if one["resource"]["resourceType"] == "Patient")
        own = {**copy.deepcopy(consent), "patient": {"reference": patient}}
        own.pop("id", None)
        bundle["entry"].append({"resource": own, "request": {"method": "POST", "url": "Consent"}})
        found.append(dumps(bundle))
    return found


def _another(text: bytes, turn: int) -> bytes:
    """The text with another UUID for each but those of places and people that it does not bring, four years a turn
    before."""
    shared = {found[1] for found in _SHARED.finditer(text)}

    def renamed(found: re.Match[bytes]) -> bytes:
        if not turn or found[0] in shared:
            return found[0]
        return str(uuid.uuid5(uuid.UUID(found[0].decode()), str(turn))).encode()

    return _YEAR.sub(lambda found: b"%d-" % (int(found[1]) - 4 * turn), _UUID.sub(renamed, text))


_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHARED = re.compile(rb"\?identifier=[^\"|]*\|([^\"]*)")
_YEAR = re.compile(rb"(?<=\")((?:19|20)[0-9]{2})-(?=[0-9]{2}-[0-9]{2}[\"T])")


def named_elsewhere(texts: list[bytes]) -> Iterator[Tree]:
    """The resources that the Bundles name by a condition and do not bring: organisations, places, practitioners."""
    seen = set()
    for text in texts:
        for reference in _references(json.loads(text)):
            kind, mark, condition = reference.partition("?identifier=")
            if mark and reference not in seen:
                seen.add(reference)
                system, _, value = condition.partition("|")
                identity = f"{kind.lower()}-{len(seen)}"
                yield {"resourceType": kind, "id": identity, "identifier": [{"system": system, "value": value}],
                       **({} if kind == "Practitioner" else {"name": identity})}  # fmt: skip


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node["reference"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
