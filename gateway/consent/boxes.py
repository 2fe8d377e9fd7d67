"""What boxes say about a request and a placement: the store's predicate in Python."""

from collections.abc import Iterable, Sequence
from typing import Final

from gateway.consent.request import ConsentRequest
from gateway.core.resources import RETAIN, Grant, Placement

ANY: Final = "*"
OTHERS: Final = "!"


def permits(grants: Iterable[Grant], request: ConsentRequest, placement: Placement) -> bool:
    """Whether boxes permit a request on a resource so placed: what the store's predicate says in SQL."""
    return covers(applicable(grants, request), placement)


def applicable(grants: Iterable[Grant], request: ConsentRequest) -> list[Grant]:
    """The boxes that are about this organisation, action, purpose and instant; "any" action is any that a Consent may
    permit."""
    actions = (RETAIN,) if request.action == RETAIN else (ANY, request.action)
    return [
        grant
        for grant in grants
        if grant.grantee in (ANY, request.organisation)
        and grant.action in actions
        and grant.purpose in (ANY, request.purpose)
        and grant.valid_low <= request.now < grant.valid_high
    ]


def covers(grants: Sequence[Grant], placement: Placement) -> bool:
    """Whether every (subject, domain) pair of a placement lies in one of the applicable boxes."""
    if placement.study_level:
        return True
    for subject in placement.subjects:
        for domain in placement.domains or ("",):
            for grant in grants:
                if _holds(grant, subject, domain, placement):
                    break
            else:
                return False
    return bool(placement.subjects)


def _holds(grant: Grant, subject: str, domain: str, placement: Placement) -> bool:
    return (
        grant.subject == subject
        and grant.domain in (ANY, domain)
        and grant.data_low <= placement.low
        and placement.high <= grant.data_high
        and (grant.rule is None or grant.rule.holds(placement.kind))
        and _is_instance(grant, placement.instance)
    )


def _is_instance(grant: Grant, instance: str) -> bool:
    if grant.instance == OTHERS:
        return bool(instance) and instance not in grant.others
    return grant.instance in (ANY, instance)
