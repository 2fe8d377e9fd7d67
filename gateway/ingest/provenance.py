"""The Provenance of a unit: what was written, from which payload, by which mapping.

See https://hl7.org/fhir/R4/provenance.html.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import gateway
from gateway.core.ids import resource_id
from gateway.core.instants import format_instant
from gateway.core.receipt import Receipt
from gateway.core.resources import Committed
from gateway.core.types import Resource
from gateway.mapping.assets import Asset

AGENT_TYPE = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
OPERATION = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"


def provenances(
    receipt: Receipt,
    unit: int,
    committed: Sequence[Committed],
    recorded: datetime,
    used: Callable[[str], Sequence[Asset]],
    makers: Mapping[str, str],
) -> tuple[Resource, ...]:
    """The Provenances of what `committed` really wrote: one for each mapping that made something of it.

    `receipt.mapping` are the mappings used, `used` tells of one its files, `makers` by reference which of several
    made a resource.
    """
    found = []
    for mapping in receipt.mapping.split(","):
        share = [entry for entry in committed if makers.get(entry.stored.key.reference, mapping) == mapping]
        own = provenance(replace(receipt, mapping=mapping), unit, share, recorded, used(mapping))
        if own is not None and makers:
            name = mapping.partition("|")[0]
            own["id"] = resource_id(receipt.study, "provenance", receipt.id, (unit, receipt.attempts, name))
        found += [own] if own else []
    return tuple(found)


def provenance(
    receipt: Receipt, unit: int, committed: Sequence[Committed], recorded: datetime, used: Sequence[Asset] = ()
) -> Resource | None:
    """The Provenance of what `committed` really wrote; None when nothing in it was new.

    `receipt.mapping` is the mapping used, `used` the files that it was made of; `unit` tells the units of one payload
    apart.
    """
    written = [entry for entry in committed if entry.outcome in ("created", "updated")]
    if not written:
        return None
    updated = any(entry.outcome == "updated" for entry in written)
    return {
        "resourceType": "Provenance",
        "id": resource_id(receipt.study, "provenance", receipt.id, (unit, receipt.attempts)),
        "target": [
            {"reference": f"{entry.stored.key.reference}/_history/{entry.stored.version}"} for entry in written
        ],
        "recorded": format_instant(recorded),
        "policy": [f"urn:trial-fhir-gateway:mapping:{receipt.mapping}"],
        "activity": {"coding": [{"system": OPERATION, "code": "UPDATE" if updated else "CREATE"}]},
        "agent": [
            _agent("author", "urn:trial-fhir-gateway:source", f"{receipt.study}/{receipt.source}"),
            _agent("assembler", "urn:trial-fhir-gateway:software", f"trial-fhir-gateway|{gateway.__version__}"),
        ],
        "entity": [
            _entity("urn:trial-fhir-gateway:receipt", receipt.id),
            _entity("urn:trial-fhir-gateway:payload-sha256", receipt.sha256),
            *(_entity("urn:trial-fhir-gateway:asset-sha256", asset.sha256, asset.name) for asset in used),
        ],
    }


def _agent(kind: str, system: str, value: str) -> Resource:
    return {
        "type": {"coding": [{"system": AGENT_TYPE, "code": kind}]},
        "who": {"identifier": {"system": system, "value": value}},
    }


def _entity(system: str, value: str, name: str = "") -> Resource:
    what: Resource = {"identifier": {"system": system, "value": value}}
    return {"role": "source", "what": what | {"display": name} if name else what}
