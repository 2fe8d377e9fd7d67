"""Documents by which participants withdraw: Consents of their own, told by the URI of their policy.

Such a document withdraws what was given before it. With no further use that is all its denials say, so that they do
not outlive it: who consents again later, consents. One that stops the collection denies besides what it says it does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.consent.narrowing import provisions
from gateway.consent.terms import NO_FURTHER_USE, STOP_COLLECTION, Terms
from gateway.core.instants import FOREVER_BEFORE
from gateway.core.kinds import Match
from gateway.core.types import Resource


def mode_of(consent: Resource, documents: Mapping[str, str]) -> str:
    """The mode with which a Consent, by its policies, withdraws others; "" for one that withdraws none."""
    policies = consent.get("policy")
    uris = [entry.get("uri") for entry in policies if isinstance(entry, dict)] if isinstance(policies, list) else []
    modes = {documents[uri] for uri in uris if isinstance(uri, str) and uri in documents}
    if NO_FURTHER_USE in modes:
        return NO_FURTHER_USE
    return STOP_COLLECTION if modes else ""


def after_documents(read: Sequence[tuple[str, Terms]]) -> list[Terms]:
    """The terms of all Consents of one participant, each given with its mode as a document, as documents leave them.

    A document without a date, or of another study, is a Consent like any other.
    """
    documents = [(mode, one) for mode, one in read if mode and _withdraws(one)]
    found = []
    for mode, one in read:
        is_document = bool(mode) and _withdraws(one)
        if is_document and mode == NO_FURTHER_USE:
            continue
        later = [(how, other.since) for how, other in documents if other is not one and one.since <= other.since]
        ended = [at for how, at in later if how == NO_FURTHER_USE]
        closed = [at for how, at in later if how == STOP_COLLECTION] + ([] if one.closed is None else [one.closed])
        found.append(replace(one, withdrawn=min(ended, default=None), closed=min(closed, default=None)))
    return found


def _withdraws(document: Terms) -> bool:
    studies = [one.study for one in provisions(document.root) if one.study is not None]
    return document.since > FOREVER_BEFORE and (not studies or max(studies) is not Match.NO)
