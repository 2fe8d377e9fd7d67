"""FHIRPath: each case beside a hand-written function, and all beside fhirpathpy with its R4 model, in one run."""

import statistics
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.figure import ROUNDS, Figure, paired, seconds
from benchmarks.reference.fhirpath_data import CASES, FOR_PEER, Resource, decimals
from benchmarks.reference.fhirpath_peer import Peer

NAME = "fhirpath"
LEAST = 0.02
"""Seconds that one measurement lasts at least, so that the clock and the loop do not matter."""
PARSES = 20


def run() -> Iterator[Figure]:
    """Times in microseconds; raises RuntimeError when the three do not give the same results."""
    yield from _beside_hand()
    try:
        peer = Peer()
    except (OSError, subprocess.SubprocessError) as missing:
        raise RuntimeError("fhirpathpy cannot be installed into .venv-peers/fhirpathpy") from missing
    with peer:
        yield _beside_peer(peer)
        yield from _compiling(peer)


def _beside_hand() -> Iterator[Figure]:
    for name, text, tree, hand in CASES:
        resource = decimals(tree)
        evaluate = _evaluate(text, resource)
        if evaluate(resource) != hand(resource):
            raise RuntimeError(f"{name}: not the result of the hand-written function")
        times = _times(evaluate, resource)
        ours, reference = paired(_loop(evaluate, resource, times), _loop(hand, resource, times))
        yield Figure(f"fhirpath-vs-hand/{name}", ours / times * 1e6, "us", reference / times * 1e6, "lower", limit=3)


def _beside_peer(peer: Peer) -> Figure:
    """Evaluations a microsecond, in geometric mean over the cases."""
    ours, theirs = [], []
    for name, published, tree, _ in CASES:
        text = FOR_PEER.get(name, published)
        resource = decimals(tree)
        evaluate = _evaluate(text, resource)
        expected = peer.ask(do="evaluate", expression=text, resource=tree)
        if evaluate(resource) != expected:
            raise RuntimeError(f"{name}: not the result of fhirpathpy")
        times = _times(evaluate, resource)
        rounds = max(1, times // 300)
        pairs = [
            (
                seconds(_loop(evaluate, resource, times)) / times,
                float(peer.ask(do="time", expression=text, resource=tree, times=rounds)) / rounds,
            )
            for _ in range(ROUNDS)
        ]
        ours.append(statistics.median(pair[0] for pair in pairs))
        theirs.append(statistics.median(pair[1] for pair in pairs))
    return Figure(
        "fhirpath-vs-fhirpathpy",
        1 / (statistics.geometric_mean(ours) * 1e6),
        "1/us",
        1 / (statistics.geometric_mean(theirs) * 1e6),
        "higher",
        limit=50,
    )


def _compiling(peer: Peer) -> Iterator[Figure]:
    """Text to checked expression, as `compile` gives it; and with the Python function, which the first use makes."""
    from gateway.fhirpath import R4
    from gateway.fhirpath.expression import Expression
    from gateway.fhirpath.facts import Options

    options = Options(R4, strict=True, functions={}, variables=None)

    def compiled(text: str, tree: Resource) -> object:
        return Expression(text, tree["resourceType"], options)

    def used(text: str, tree: Resource) -> object:
        return Expression(text, tree["resourceType"], options).evaluate(tree)

    for name, action, limit in (("fhirpath-compile", compiled, 0.1), ("fhirpath-compile-first-use", used, None)):
        pairs = [_compile_case(action, text, tree, peer) for _, text, tree, _ in CASES]
        ours, theirs = (statistics.geometric_mean(column) * 1e6 for column in zip(*pairs, strict=True))
        yield Figure(name, ours, "us", theirs, "lower", limit)


def _compile_case(
    action: Callable[[str, Resource], object], text: str, tree: Resource, peer: Peer
) -> tuple[float, float]:
    """Seconds of ours and of the peer's parse, which makes no function either; the medians of rounds in turn."""

    def repeat() -> None:
        for _ in range(PARSES):
            action(text, tree)

    repeat()
    pairs = [(seconds(repeat), float(peer.ask(do="parse", expression=text, times=PARSES))) for _ in range(ROUNDS)]
    return statistics.median(a for a, _ in pairs) / PARSES, statistics.median(b for _, b in pairs) / PARSES


def _evaluate(text: str, resource: Resource) -> Callable[[Resource], list[Any]]:
    from gateway.fhirpath import compile

    expression = compile(text, base=resource["resourceType"])
    expression.evaluate(resource)
    return expression.evaluate


def _loop(function: Callable[[Resource], object], resource: Resource, times: int) -> Callable[[], object]:
    def repeat() -> None:
        for _ in range(times):
            function(resource)

    return repeat


def _times(function: Callable[[Resource], object], resource: Resource) -> int:
    """How often to repeat a function for one measurement."""
    times = 10
    while seconds(_loop(function, resource, times)) < LEAST / 10:
        times *= 10
    return times * 10
