"""The transaction Bundles of Synthea, made ready for the demo study: each with its participant's Consent beside."""

import copy
import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.core.codec import dumps, loads

FOLDER = Path(os.environ.get("GATEWAY_SYNTHEA_DIR", Path(__file__).parents[2] / "shared" / "synthea"))
"""`bundle-*.json.gz`"""

Tree = dict[str, Any]


def bundles(consent: Tree, count: int) -> list[bytes]:
    """The first `count` Bundles, each with `consent` for its Patient added; none where the folder is missing."""
    found = []
    for path in sorted(FOLDER.glob("bundle-*.json.gz"))[:count]:
        bundle = loads(gzip.decompress(path.read_bytes()))
        patient = next(one["fullUrl"] for one in bundle["entry"] if one["resource"]["resourceType"] == "Patient")
        own = {**copy.deepcopy(consent), "patient": {"reference": patient}}
        own.pop("id", None)
        bundle["entry"].append({"resource": own, "request": {"method": "POST", "url": "Consent"}})
        found.append(dumps(bundle))
    return found


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
