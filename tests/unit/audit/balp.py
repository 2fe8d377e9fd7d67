"""What the profiles of IHE BALP 1.1 require of an AuditEvent, as a table: the published packages are on no registry
that can be reached. See https://profiles.ihe.net/ITI/BALP/ (StructureDefinition-IHE.BasicAudit.*)."""

from typing import Any, Final

from gateway.core.types import Resource

PREFIX: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
DESTINATION, SOURCE = "110152", "110153"

RULES: Final = {
    "Read": ("R", {"read", "vread"}, DESTINATION, SOURCE, {"IRCP"}),
    "Query": ("E", {"search", "search-type", "search-system"}, SOURCE, DESTINATION, {"IRCP"}),
    "Create": ("C", {"create"}, SOURCE, DESTINATION, {"AUT", "INF", "CST"}),
    "Update": ("U", {"update", "patch"}, SOURCE, DESTINATION, {"AUT", "INF", "CST"}),
}
"""Profile -> action, one of which interactions is the subtype, the types of client and server, those of a user."""


def faults(event: Resource) -> list[str]:
    """Where the event breaks the profile that it claims; it must claim a single one."""
    [claimed] = event["meta"]["profile"]
    name = claimed.removeprefix(PREFIX).removeprefix("Patient")
    action, interactions, client, server, users = RULES[name]
    parts = [_codes(part["type"]) for part in event["agent"]]
    entities = event.get("entity", [])
    found = {
        "type": event["type"]["code"] == "rest",
        "subtype": bool(interactions & {one["code"] for one in event["subtype"]}),
        "action": event["action"] == action,
        "outcome": event["outcome"] == "0",
        "recorded": bool(event["recorded"]),
        "observer": bool(event["source"]["observer"]),
        "client": _is_machine(event, [index for index, codes in enumerate(parts) if client in codes]),
        "server": _is_machine(event, [index for index, codes in enumerate(parts) if server in codes]),
        "user": all(
            one["requestor"] and one["who"] and "network" not in one
            for one, codes in zip(event["agent"], parts, strict=True)
            if codes & users
        ),
        "transaction": all(one["what"]["identifier"]["value"] for one in entities if _is(one, "XrequestId")),
        "data": name == "Query" or _is_data([one for one in entities if _is(one, "2")]),
        "query": name != "Query" or _is_query([one for one in entities if _is(one, "2")]),
        "patient": "BasicAudit.Patient" not in claimed or _is_patient([one for one in entities if _is(one, "1")]),
    }
    return [what for what, is_good in found.items() if not is_good]


def _codes(concept: Resource) -> set[str]:
    return {coding["code"] for coding in concept["coding"]}


def _is(entity: Resource, code: str) -> bool:
    return bool(entity["type"]["code"] == code)


def _is_machine(event: Resource, indexes: list[int]) -> bool:
    if len(indexes) != 1:
        return False
    agent: dict[str, Any] = event["agent"][indexes[0]]
    return bool(agent["who"]) and bool(agent["network"]["address"]) and "media" not in agent


def _is_data(entities: list[Resource]) -> bool:
    return len(entities) == 1 and entities[0]["role"]["code"] in ("3", "4", "20") and bool(entities[0]["what"])


def _is_query(entities: list[Resource]) -> bool:
    [one] = entities
    return one["role"]["code"] == "24" and bool(one["query"]) and not {"what", "lifecycle", "detail"} & one.keys()


def _is_patient(entities: list[Resource]) -> bool:
    [one] = entities
    return one["role"]["code"] == "1" and one["what"]["reference"].startswith("Patient/")
