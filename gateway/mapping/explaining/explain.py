"""Where values came from: the steps of a trace that account for a path of the output."""

import re
from collections.abc import Iterable

from gateway.mapping.facts import Step

_PATH = re.compile(r"([A-Za-z]+)(?:/([A-Za-z0-9.-]{1,64}?))?((?:\.[A-Za-z_]|\[).*)?\Z")
_INDEX = re.compile(r"\[\d+\]")


def steps_at(trace: Iterable[Step], path: str) -> tuple[Step, ...]:
    """The steps that made what is at `path`, or that made what holds it.

    A path is `Observation.valueQuantity.value`, of every Observation, or `Observation/<id>.code`, of one; indexes
    may be left out. () when nothing was made there, or it is no path.
    """
    wanted = _PATH.match(path)
    if not wanted:
        return ()
    kind, identity, rest = wanted.groups()
    exact = "[" in (rest or "")
    found = [step for step in trace if _agrees(step.path, kind, identity, rest or "", exact)]
    return tuple(found)


def made_near(trace: Iterable[Step], path: str) -> tuple[str, ...]:
    """What was made where nothing was at `path`: elements at its nearest part that has any, else types.

    Of the one resource, where the path names one that was made. Paths without indexes and ids, in the order of the
    trace; () for nothing at all.
    """
    wanted = _PATH.match(path)
    paths = [step.path for step in trace]
    own = f"{wanted[1]}/{wanted[2]}." if wanted else ""
    made = list(dict.fromkeys(_without_ids(one) for one in [one for one in paths if one.startswith(own)] or paths))
    near = _without_ids(f"{wanted[1]}{wanted[3] or ''}") if wanted else ""
    while near:
        near = near.rpartition(".")[0]
        below = [found for found in made if near and found.startswith(f"{near}.")]
        if below:
            depth = near.count(".") + 2
            return tuple(dict.fromkeys(".".join(found.split(".")[:depth]) for found in below))
    return tuple(dict.fromkeys(found.partition(".")[0] for found in made))


def _without_ids(path: str) -> str:
    place, dot, inner = path.partition(".")
    return f"{place.partition('/')[0]}{dot}{_INDEX.sub('', inner)}"


def _agrees(path: str, kind: str, identity: str | None, rest: str, exact: bool) -> bool:
    place, _, inner = path.partition(".")
    made_kind, _, made_id = place.partition("/")
    if made_kind != kind or identity not in (None, made_id):
        return False
    inner = "." + (inner if exact else _INDEX.sub("", inner))
    return _within(inner, rest) or _within(rest, inner)


def _within(path: str, outer: str) -> bool:
    """True when `path` is `outer` or below it."""
    return path.startswith(outer) and (len(path) == len(outer) or not outer or path[len(outer)] in ".[")
