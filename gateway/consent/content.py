"""The criteria of a provision about content: class, code, security label, single instances.

Read so that what is not understood stays vague: a code of a system that is no vocabulary of clinical content (a
policy's own, say) could mean anything.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from gateway.consent.criterion import Criterion, read_criterion, refuse_modifiers
from gateway.core.kinds import CONFIDENTIALITY, LEVELS, KindTest

RESOURCE_TYPES: Final = "http://hl7.org/fhir/resource-types"
DOMAIN_SYSTEM: Final = "urn:trial-fhir-gateway:data-domain"

_CONTENT_SYSTEMS: Final = (
    "http://loinc.org",
    "http://snomed.info/sct",
    "http://hl7.org/fhir/",
    "http://terminology.hl7.org/CodeSystem/",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
    "http://www.whocc.no/atc",
    "http://fhir.de/CodeSystem/bfarm/",
    "urn:iso:std:iso:11073:10101",
)
"""The starts of the systems whose codes are looked for in resources."""

_INSTANCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}\Z")


def read_content(tree: Mapping[str, Any], *, permits: bool) -> KindTest | None:
    """What `class` and `securityLabel` say; None when there is neither."""
    classes = read_criterion(tree.get("class"), _class)
    labels = read_criterion(tree.get("securityLabel"), _label)
    if classes is None and labels is None:
        return None
    marks = [text for text in labels.values if text.startswith(CONFIDENTIALITY + "|")] if labels else []
    levels = {LEVELS.get(text.rpartition("|")[2]) for text in marks}
    return KindTest(
        permits,
        classes=classes.values if classes else None,
        labels=labels.values - frozenset(marks) if labels else None,
        levels=frozenset(level for level in levels if level is not None),
        vague=None in levels or any(one is not None and one.vague for one in (classes, labels)),
    )


def read_codes(entries: Any, *, permits: bool) -> tuple[Criterion | None, KindTest | None]:
    """The data domains that `code` names, and its codes of content; an entry is an alternative, of whichever sort."""
    found = read_criterion(entries, _codes)
    if found is None:
        return None, None
    start = DOMAIN_SYSTEM + "|"
    domains = frozenset(text.removeprefix(start) for text in found.values if text.startswith(start))
    codes = frozenset(text for text in found.values if not text.startswith(start))
    of_content = KindTest(permits, codes=codes, vague=found.vague) if codes else None
    return (Criterion(domains, found.vague) if domains or not codes else None), of_content


def read_instances(entries: Any) -> Criterion | None:
    """The relative references of the instances that `data` names; other meanings than `instance` are vague."""
    return read_criterion(entries, _instance)


def _class(coding: Any) -> Iterable[str]:
    refuse_modifiers(coding)
    return [coding["code"]] if coding.get("system") == RESOURCE_TYPES else []


def _label(coding: Any) -> Iterable[str]:
    refuse_modifiers(coding)
    return [f"{coding['system']}|{coding['code']}"]


def _codes(concept: Any) -> Iterable[str]:
    refuse_modifiers(concept)
    found = [(coding["system"], coding["code"]) for coding in concept["coding"]]
    if not all(system == DOMAIN_SYSTEM or system.startswith(_CONTENT_SYSTEMS) for system, _ in found):
        return []
    return [f"{system}|{code}" for system, code in found]


def _instance(data: Any) -> Iterable[str]:
    refuse_modifiers(data)
    reference = data["reference"]["reference"]
    return [reference] if data["meaning"] == "instance" and _INSTANCE.match(reference) else []
