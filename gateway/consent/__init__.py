"""What participants' Consents permit: a pure specification, and its compilation into boxes that SQL joins.

`decide` answers one question about one resource's placement; it is the law. `compile_grants` turns a subject's
Consents into `Grant` boxes such that a row is visible exactly when `decide` would permit it. Denies win, permits
match narrowly, and whatever cannot be interpreted denies. `check_consent` is the gate for writing Consents.
See https://hl7.org/fhir/R4/consent.html and docs/explanation of consent.
"""

from gateway.consent.boxes import applicable, covers, permits
from gateway.consent.decision import decide
from gateway.consent.ending import is_left
from gateway.consent.grants import compile_grants, grant_compiler
from gateway.consent.reading import needs_link, replaced
from gateway.consent.request import ConsentPolicy, ConsentRequest, Decision, Reason
from gateway.consent.writing import check_consent, is_deletion, is_same_or_withdrawn, is_withdrawal, withdraws

__all__ = [
    "ConsentPolicy",
    "ConsentRequest",
    "Decision",
    "Reason",
    "applicable",
    "check_consent",
    "compile_grants",
    "covers",
    "decide",
    "grant_compiler",
    "is_deletion",
    "is_left",
    "is_same_or_withdrawn",
    "is_withdrawal",
    "needs_link",
    "permits",
    "replaced",
    "withdraws",
]
