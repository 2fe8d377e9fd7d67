"""What a Consent must be before it is stored."""

from collections.abc import Mapping

from gateway.consent.decision import MAX_LEVELS
from gateway.consent.documents import mode_of
from gateway.consent.terms import DELETE, NO_FURTHER_USE, STOP_COLLECTION, WITHDRAWAL_EXTENSION, withdrawals
from gateway.core.instants import parse_interval
from gateway.core.issues import Issue, issue
from gateway.core.types import Resource


def check_consent(consent: Resource) -> list[Issue]:
    """The reasons to refuse a Consent that is formally valid FHIR; empty when it may be stored."""
    found = []
    reference = (consent.get("patient") or {}).get("reference", "")
    kind, _, identity = str(reference).partition("/")
    if kind != "Patient" or not identity or "/" in identity:
        found.append(issue("consent.patient-required", expression="Consent.patient"))
    if _levels(consent.get("provision")) > MAX_LEVELS:
        found.append(issue("consent.too-deep", expression="Consent.provision", limit=MAX_LEVELS))
    found.extend(_check_withdrawal(consent))
    return found


def is_deletion(consent: Resource) -> bool:
    """Whether a Consent withdraws with mode delete, and no legal hold keeps the data."""
    return consent.get("status") == "inactive" and any(
        mode == DELETE and hold is None for mode, _, hold in withdrawals(consent)
    )


def is_withdrawn(consent: Resource) -> bool:
    """Whether a Consent says of itself that it was withdrawn, with one mode that is understood."""
    return consent.get("status") == "inactive" and bool(withdrawals(consent)) and not _check_withdrawal(consent)


def withdraws(consent: Resource, documents: Mapping[str, str]) -> bool:
    """Whether a Consent tells that the participant withdraws altogether: it says so of itself, or is a document, by
    its mode among `documents`, of no further use."""
    return is_withdrawn(consent) or (
        consent.get("status") == "active" and mode_of(consent, documents) == NO_FURTHER_USE
    )


def is_withdrawal(before: Resource, after: Resource) -> bool:
    """Whether all that a Consent changes is that it is withdrawn, with one of the modes that keep data."""
    return _withdrawn_by(before, after) in ([STOP_COLLECTION], [NO_FURTHER_USE])


def is_same_or_withdrawn(before: Resource, after: Resource) -> bool:
    """Whether a Consent says what it said, or changes in nothing but that it is withdrawn, with any mode."""
    return _without(after, "meta") == _without(before, "meta") or len(_withdrawn_by(before, after)) == 1


def _withdrawn_by(before: Resource, after: Resource) -> list[str | None]:
    """The modes by which `after` withdraws `before`; none when it changes anything else."""
    own = [extension for extension in after.get("extension") or () if extension.get("url") != WITHDRAWAL_EXTENSION]
    kept = _without(after, "meta", "status", "extension")
    kept |= {"status": before.get("status")} | ({"extension": own} if own else {})
    is_one = before.get("status") == "active" and after.get("status") == "inactive"
    return [mode for mode, _, _ in withdrawals(after)] if is_one and kept == _without(before, "meta") else []


def _without(consent: Resource, *names: str) -> Resource:
    return {name: value for name, value in consent.items() if name not in names}


def _levels(provision: object) -> int:
    level = [provision] if isinstance(provision, dict) else []
    depth = 0
    while level:
        depth += 1
        level = [child for node in level for child in node.get("provision") or () if isinstance(child, dict)]
    return depth


def _check_withdrawal(consent: Resource) -> list[Issue]:
    parts = withdrawals(consent)
    if not parts:
        return []
    mode, at, hold = parts[0]
    understood = mode in (STOP_COLLECTION, NO_FURTHER_USE, DELETE) and parse_interval(str(at)) is not None
    understood = understood and (hold is None or (mode == DELETE and bool(hold)))
    if len(parts) > 1 or not understood or consent.get("status") != "inactive":
        return [issue("consent.withdrawal", expression="Consent.extension")]
    return []
