"""What participants may do with their own Consents through an app: see them, and withdraw them.

The participant is the user of the token, not only its context: a practitioner who looks at a participant is not one.
Whatever Consents permit to the app's organisation, one's own Consents stay in sight, so that they can be read after
a withdrawal too. Nothing else about them may be changed.
"""

from dataclasses import replace
from typing import Any, Final

from gateway.access.placing.subjects import relative
from gateway.access.reading.limits import is_of_one
from gateway.auth.scopes import Letter, understood
from gateway.consent import is_withdrawal
from gateway.core.codec import loads
from gateway.core.principal import Principal
from gateway.core.resources import Key, Stored
from gateway.core.types import Resource
from gateway.search import Query
from gateway.search.query import ReferenceClause
from gateway.store.port import ResourceStore

CONSENT: Final = "Consent"


def participant(principal: Principal, letter: Letter) -> str:
    """The Patient id of the participant who is the user; "" for anybody else, or without a scope for Consents."""
    if not principal.patient or principal.user != f"Patient/{principal.patient}":
        return ""
    plain = any(scope.allows(CONSENT, letter) and not scope.query for scope in understood(principal.scopes))
    return principal.patient if plain else ""


def own_consent(
    store: ResourceStore, principal: Principal, key: Key, version: int | None = None, letter: Letter = "r"
) -> Stored | None:
    """The Consent when it is the user's own; None for any other resource."""
    patient = participant(principal, letter) if key.type == CONSENT else ""
    found = store.read(key, None, version) if patient else None
    return found if found and not found.deleted and _is_of(loads(found.body), patient) else None


def is_own(stored: Stored, principal: Principal) -> bool:
    """Whether a current Consent is that of the participant of the token."""
    return not stored.deleted and _is_of(loads(stored.body), principal.patient)


def own_consents(query: Query, principal: Principal) -> Query | None:
    """The search narrowed to the user's own Consents, which needs no grant; None when it is any other search."""
    patient = participant(principal, "s") if query.type == CONSENT else ""
    if not patient or query.includes or query.types or not all(map(is_of_one, query.clauses)):
        return None
    return replace(query, clauses=(*query.clauses, ReferenceClause("patient", (f"Patient/{patient}",))))


def own_withdrawal(store: ResourceStore, principal: Principal, key: Key, resource: Resource) -> int | None:
    """The version that a participant withdraws by writing this; None when it is anything else."""
    current = own_consent(store, principal, key, None, "u")
    if current is None or not is_withdrawal(loads(current.body), resource):
        return None
    return current.version


def _is_of(consent: Any, patient: str) -> bool:
    reference = (consent.get("patient") or {}).get("reference")
    return relative(reference) == ("Patient", patient)
