"""Where a resource stands for consent, computed from its content and the study's domain rules."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from msgspec import Struct, structs

from gateway.access.placing.clinical import clinical_interval
from gateway.access.placing.contents import followed
from gateway.access.placing.outline import Outline
from gateway.access.placing.sayings import Sayings
from gateway.access.placing.subjects import FOLLOWED, STUDY_LEVEL, participants, references, relative
from gateway.core.resources import Placement
from gateway.core.types import Resource
from gateway.fhirpath import Expression, FhirPathError, compile
from gateway.study import Study

MAX_FOLLOWED: Final = 3
"""How many references a placement follows, one after the other."""

PlacementOf: TypeAlias = Callable[[str, str], Placement | None]
"""(type, id) -> where that resource stands; None when it is not there."""

There: TypeAlias = Callable[[str, str], Resource | None]
Known: TypeAlias = Mapping[tuple[str, str], Placement]
_NOTHING: Final[Known] = {}

HIDDEN: Final = Placement(subjects=())


class Placer:
    """The placements of one study, its domain rules compiled once. Raises `FhirPathError` for a faulty rule."""

    def __init__(self, study: Study) -> None:
        self._zone = ZoneInfo(study.zone)
        self._sayings = Sayings()
        self._rules: dict[str, list[tuple[str, Expression | None]]] = {}
        for domain, rules in study.domains.items():
            for rule in rules:
                where = compile(rule.where, base=rule.type) if rule.where else None
                self._rules.setdefault(rule.type, []).append((domain, where))

    def place(self, resource: Resource, placement_of: PlacementOf, outline: Outline | None = None) -> Placement:
        """The placement; one without subjects when it cannot be told whose data it is, so that nobody sees it.
        `outline` is that of the resource, if there is one."""
        kind = resource["resourceType"]
        if kind in FOLLOWED:
            return self._follow(resource, resource.get(FOLLOWED[kind]), placement_of)
        subjects, content = self._sayings.of(resource, outline)
        if kind in STUDY_LEVEL and subjects == ():
            return Placement(study_level=True)
        if not subjects:
            return HIDDEN
        when = clinical_interval(resource, self._zone)
        where = f"{kind}/{resource['id']}"
        return Placement(subjects, self._domains(resource), False, when.low, when.high, content, where)

    def _domains(self, resource: Resource) -> tuple[str, ...]:
        """The domains whose rules claim the resource; "" when none does, and beside others when a rule fails."""
        found: dict[str, None] = {}
        for domain, where in self._rules.get(resource["resourceType"], ()):
            try:
                claimed = where is None or where.evaluate(resource) == [True]
            except FhirPathError:
                found[""] = None
            else:
                if claimed:
                    found[domain] = None
        return tuple(sorted(found)) or ("",)

    def _follow(self, resource: Resource, targets: Any, placement_of: PlacementOf) -> Placement:
        """Where all targets stand together; hidden when one of them is not there or not a resource of the study."""
        placements = []
        for text in references(targets):
            target = relative(text)
            placement = placement_of(*target) if target else None
            if placement is None:
                return HIDDEN
            placements.append(placement)
        others = participants({name: value for name, value in resource.items() if name != "target"})
        if not placements or others is None:
            return HIDDEN
        together = _together(placements, others)
        if not together.subjects:
            return together
        kinds = [placement.kind for placement in placements if not placement.study_level]
        return structs.replace(together, kind=followed(kinds, resource))


def _together(placements: list[Placement], others: tuple[str, ...]) -> Placement:
    own = [placement for placement in placements if not placement.study_level]
    if any(not placement.subjects for placement in own):
        return HIDDEN
    subjects = {*others, *(subject for placement in own for subject in placement.subjects)}
    if not subjects:
        return Placement(study_level=True)
    return Placement(
        tuple(sorted(subjects)),
        tuple(sorted({domain for placement in own for domain in placement.domains})) or ("",),
        low=min((placement.low for placement in own), default=Placement().low),
        high=max((placement.high for placement in own), default=Placement().high),
    )


class _Following(Struct, frozen=True):
    """See `following`; `followed` references lead here. It refers to nothing that refers to it: what a unit holds is
    given back when the unit ends."""

    placer: Placer
    there: There
    known: Known
    found: dict[tuple[str, str, int], Placement | None]
    followed: int = 0

    def __call__(self, kind: str, identity: str) -> Placement | None:
        """Where a resource stands; None when it is not there, or too far."""
        if self.followed == MAX_FOLLOWED:
            return None
        if kind not in FOLLOWED and (kind, identity) in self.known:
            return self.known[kind, identity]
        key = (kind, identity, self.followed)
        if key not in self.found:
            resource = self.there(kind, identity)
            further = structs.replace(self, followed=self.followed + 1)
            self.found[key] = self.placer.place(resource, further) if resource else None
        return self.found[key]


def following(placer: Placer, there: There, known: Known = _NOTHING) -> PlacementOf:
    """Where the resources stand that one is about: those about others where these stand, at most `MAX_FOLLOWED`
    references away from the first. `there` gives a resource by type and id, None when it is not there; `known` are
    placements of those that need not be looked at again. No resource is placed twice at the same distance."""
    return _Following(placer, there, known, {})
