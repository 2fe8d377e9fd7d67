"""Small worlds of resources with searches and what they must find: for the oracle, and for every store.

A world is a YAML file beside this one. `resources` are its resources. `searches` are pairs of a search
(`Type?name=value&...`, not percent-encoded) and what it finds: ids, in order where the search sorts, and behind `+`
the references that are sent along. `refusals` are pairs of a search and the rule by which it is refused.
"""

from dataclasses import dataclass
from pathlib import Path

from gateway.core import Resource
from gateway.core.yaml import load


@dataclass(frozen=True, slots=True)
class Search:
    """A search: the type, the decoded name and value pairs, what it finds and what it sends along."""

    type: str
    params: tuple[tuple[str, str], ...]
    found: tuple[str, ...]
    included: frozenset[str]
    world: str

    @property
    def is_sorted(self) -> bool:
        """True when the order of what is found counts."""
        return any(name == "_sort" for name, _ in self.params)

    def __str__(self) -> str:
        return f"{self.world}: {self.type}?{'&'.join(f'{name}={text}' for name, text in self.params)}"


def resources(world: str) -> list[Resource]:
    """The resources of a world."""
    found: list[Resource] = _tree(world)["resources"]
    return found


def searches() -> list[Search]:
    """The searches of all worlds."""
    return [
        Search(*asked(ask), *_answer(answer), world)
        for world in worlds()
        for ask, answer in _tree(world)["searches"].items()
    ]


def refusals() -> list[tuple[str, str]]:
    """The refused searches of all worlds, each with its rule."""
    return [pair for world in worlds() for pair in _tree(world).get("refusals", {}).items()]


def asked(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The type and the pairs of a search; a value goes up to the next `&`."""
    type, _, rest = text.partition("?")
    pairs = (part.partition("=") for part in rest.split("&")) if rest else ()
    return type, tuple((name, value) for name, _, value in pairs)


def worlds() -> list[str]:
    """The names of the worlds."""
    return sorted(file.stem for file in Path(__file__).parent.glob("*.yaml"))


def _tree(world: str) -> dict[str, object] | dict:  # type: ignore[type-arg]
    return load(Path(__file__).with_name(f"{world}.yaml").read_text("utf-8")).tree  # type: ignore[no-any-return]


def _answer(text: str | None) -> tuple[tuple[str, ...], frozenset[str]]:
    found, _, included = (text or "").partition("+")
    return tuple(found.split()), frozenset(included.split())
