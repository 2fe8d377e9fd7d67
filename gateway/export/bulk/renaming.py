"""Parts of an export for who is given de-identified data alone: references that the gateway writes itself follow.

Headers of blocks and Bundles of deletions are no resources of the study that the policy could judge: the ids in them
become what the policy makes of the ids of the resources that they name.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from gateway.core.codec import dumps, loads_stored
from gateway.export.bulk.blocks import HEADER, header_of
from gateway.export.bulk.request import Part
from gateway.export.deidentify import Deidentifier


def let_go(batches: Iterable[bytes], part: Part, deidentifier: Deidentifier) -> Iterator[bytes]:
    """Of the whole lines of a part what the policy lets go; resources of a type in another order than that of the
    part (`Deidentifier.apply_batches`), blocks of one patient each in their own."""
    if part.type and not part.is_deleted:
        yield from (lines for lines, _ in deidentifier.apply_batches(batches))
        return
    make = _deletions if part.is_deleted else _block_line
    for data in batches:
        yield b"".join(line + b"\n" for body in data.splitlines() for line in make(body, deidentifier))


def _deletions(body: bytes, deidentifier: Deidentifier) -> Iterator[bytes]:
    bundle = loads_stored(body)
    urls = [_renamed(entry["request"]["url"], deidentifier) for entry in bundle["entry"]]
    entries = [{"request": {"method": "DELETE", "url": url}} for url in urls if url]
    if entries:
        yield dumps({"resourceType": "Bundle", "type": bundle["type"], "entry": entries})


def _block_line(body: bytes, deidentifier: Deidentifier) -> Iterator[bytes]:
    if b'"' + HEADER.encode() + b'"' in body:
        tree: dict[str, Any] = loads_stored(body)
        if tree["resourceType"] == HEADER and "id" not in tree:
            reference = tree["parameter"][0]["valueReference"]["reference"]
            yield header_of(_renamed(reference, deidentifier))
            return
    left = deidentifier.apply_body(body)
    if left is not None:
        yield left


def _renamed(reference: str, deidentifier: Deidentifier) -> str:
    """The reference to what the policy makes of the resource; "" when it leaves no id."""
    kind, _, id = reference.partition("/")
    left = deidentifier.apply({"resourceType": kind, "id": id})
    return f"{kind}/{left['id']}" if left and "id" in left else ""
