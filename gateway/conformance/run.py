"""What one validation carries along: the findings, where it is, and in which resource.

A location is a chain of tuples `(parent, step, index)`: making one costs nearly nothing, and only a finding turns it
into FHIRPath text.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

import msgspec

from gateway.conformance.bundle_index import BundleIndex
from gateway.core import Issue, Resource, issue

Location: TypeAlias = tuple[Any, str, int]
"""Parent location or None, the step's name, and the index (-1 where the element does not repeat)."""


def path_of(at: Location) -> str:
    """The FHIRPath of a location: `Bundle.entry[0].resource.value.ofType(Quantity)`."""
    steps: list[str] = []
    step: Location | None = at
    while step is not None:
        parent, name, index = step
        steps.append(name if index < 0 else f"{name}[{index}]")
        step = parent
    return ".".join(reversed(steps))


class Scope(msgspec.Struct, eq=False):
    """The resources around the element in hand.

    `resource` is the nearest resource, `root` the one that contains it (itself, unless it is contained); `bundle`
    holds the entries of the Bundle around it, None outside of Bundles; `full_url` is that of the entry. `env` is the
    environment of invariants, made at the first one; `places` has values by where they stand, as slice() needs them.
    """

    resource: Resource
    root: Resource
    bundle: BundleIndex | None = None
    full_url: str = ""
    env: Any = None
    places: dict[tuple[str, ...], Any] = msgspec.field(default_factory=dict)


class Run(msgspec.Struct, eq=False):
    """One call of the validator; `now` is the moment that relative bounds are judged by, None when it is unknown.

    `conforming` remembers whether a resource that is referred to conforms to a profile, by the identity of its tree;
    `depth` counts how many references lead here.
    """

    scope: Scope
    issues: list[Issue] = msgspec.field(default_factory=list)
    now: datetime | None = None
    conforming: dict[tuple[int, str], bool] = msgspec.field(default_factory=dict)
    depth: int = 0

    def report(self, rule: str, at: Location, **names: Any) -> None:
        """Adds the finding of a rule at a location."""
        self.issues.append(issue(rule, expression=path_of(at), **names))

    def trial(self) -> "Run":
        """A run in the same scope whose findings are its own: to try whether something would conform."""
        return Run(self.scope, now=self.now, conforming=self.conforming, depth=self.depth)

    def trial_of(self, target: Resource) -> "Run":
        """A trial of another resource, which is contained beside this one or is an entry of its Bundle."""
        scope = self.scope
        full_url = scope.bundle.full_url_of(target) if scope.bundle is not None else ""
        contained = scope.root.get("contained")
        inside = isinstance(contained, list) and any(part is target for part in contained)
        around = scope.root if inside else target
        there = Scope(target, around, scope.bundle, scope.full_url if inside else full_url)
        return Run(there, now=self.now, conforming=self.conforming, depth=self.depth + 1)

    @property
    def has_errors(self) -> bool:
        """True when a finding blocks."""
        return any(found.blocks for found in self.issues)


Check: TypeAlias = Callable[[Any, Location, Run], None]
"""Checks one value at its location and reports to the run."""
