"""The resources that `_include` and `_revinclude` send along, in memory.

See https://hl7.org/fhir/R4/search.html#include.
"""

from collections.abc import Iterable, Sequence

from gateway.core import Resource
from gateway.search.match import Subject
from gateway.search.parameters import Parameters
from gateway.search.query import Include, Query, ReferenceEntry


def included(
    query: Query, found: Sequence[Resource], among: Iterable[Resource], parameters: Parameters
) -> list[Resource]:
    """The resources of `among` that the query's includes reach from those `found`, each once and none of these."""
    subjects = _by_reference(among, parameters)
    reached = _by_reference(found, parameters)
    matched, new, is_first = set(reached), list(reached.values()), True
    while new:
        wanted = [one for one in query.includes if is_first or one.iterate]
        names = {name for include in wanted for subject in new for name in _leads(include, subject, subjects)}
        new = [subjects[name] for name in sorted(names - reached.keys())]
        reached.update({subject.reference: subject for subject in new})
        is_first = False
    return [subject.resource for name, subject in reached.items() if name not in matched]


def _by_reference(resources: Iterable[Resource], parameters: Parameters) -> dict[str, Subject]:
    subjects = (Subject(one, parameters, ()) for one in resources)
    return {subject.reference: subject for subject in subjects}


def _leads(include: Include, start: Subject, subjects: dict[str, Subject]) -> list[str]:
    """The references of what one include reaches from one resource."""
    type = start.resource["resourceType"]
    if include.reverse:
        if include.target not in (None, type):
            return []
        wanted = ReferenceEntry(include.parameter, start.reference)
        return [
            name
            for name, other in subjects.items()
            if other.resource["resourceType"] == include.source and wanted in other.entries(include.parameter)
        ]
    if type != include.source:
        return []
    targets = (entry.target for entry in start.entries(include.parameter) if isinstance(entry, ReferenceEntry))
    return [target for target in targets if target in subjects and include.target in (None, target.partition("/")[0])]
