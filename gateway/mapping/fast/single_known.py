"""What is known of the locals at one place of a function that is being written."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Known:
    """`variables` of the mapping, `paths` (base, name) and `calls` (name, literals, item) by their locals.

    `solid` are the locals that hold no list, `kinds` tells of some the class that they have where they are not None,
    `there` are those that are not None, `sure` those that are not empty either. `stored` variables are told to
    FHIRPath; `places` are those that only it reads: `item` and `index`. `brief` tells of some texts how many
    characters they have at most.
    """

    variables: dict[str, str] = field(default_factory=dict)
    paths: dict[tuple[str, str], str] = field(default_factory=dict)
    calls: dict[tuple[Any, ...], str] = field(default_factory=dict)
    solid: set[str] = field(default_factory=set)
    kinds: dict[str, type] = field(default_factory=dict)
    there: set[str] = field(default_factory=set)
    sure: set[str] = field(default_factory=set)
    stored: set[str] = field(default_factory=set)
    places: dict[str, str] = field(default_factory=dict)
    brief: dict[str, int] = field(default_factory=dict)

    def copy(self) -> "Known":
        """The same, to be added to on its own."""
        return Known(
            dict(self.variables),
            dict(self.paths),
            dict(self.calls),
            set(self.solid),
            dict(self.kinds),
            set(self.there),
            set(self.sure),
            set(self.stored),
            dict(self.places),
            dict(self.brief),
        )

    def take(self, other: "Known", theirs: str, local: str) -> None:
        """A local holds what another one holds of which other things are known."""
        for ours, known in ((self.solid, other.solid), (self.sure, other.sure)):
            if theirs in known:
                ours.add(local)
        if theirs in other.kinds:
            self.kinds[local] = other.kinds[theirs]
        if theirs in other.brief:
            self.brief[local] = other.brief[theirs]
