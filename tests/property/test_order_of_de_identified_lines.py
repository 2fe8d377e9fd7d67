"""De-identified lines stand in an order that anybody could make of them: how they came cannot be told from it."""

import itertools
from datetime import date
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.core import dumps
from gateway.core.assets import asset_roots
from gateway.export.deidentify import Deidentifier, StudyKey, load_policy, shipped_policies
from gateway.export.deidentify.order import AT_ONCE, in_order_of_content

LINES = st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b" ") + b"\n"), max_size=30)
SHIPPED = shipped_policies(asset_roots("profiles"))


@given(LINES, st.lists(st.integers(0, 30), max_size=5), st.integers(0, 40), st.randoms())
def test_lines_are_all_there_in_the_order_of_what_is_in_them(
    lines: list[bytes], cuts: list[int], held: int, shuffled: Random
) -> None:
    came = list(lines)
    shuffled.shuffle(came)
    ends = [0, *sorted(cuts), len(came)]
    batches = [b"".join(came[low:high]) for low, high in itertools.pairwise(ends)]
    found = [*in_order_of_content(batches, held)]
    assert b"".join(some for some, _ in found) == b"".join(sorted(lines))
    assert sum(count for _, count in found) == len(lines)
    assert all(some.count(b"\n") == count <= AT_ONCE for some, count in found)


@given(st.permutations(range(12)), st.integers(1, 12), st.sampled_from(sorted(SHIPPED)))
def test_the_order_in_which_resources_came_leaves_no_trace(order: list[int], size: int, policy: str) -> None:
    deidentifier = Deidentifier(load_policy(SHIPPED[policy]), StudyKey("s", b"k" * 32), date(2026, 6, 1))
    bodies = [dumps(observation(number)) + b"\n" for number in order]
    batches = [b"".join(bodies[start : start + size]) for start in range(0, len(bodies), size)]
    as_told = b"".join(dumps(observation(number)) + b"\n" for number in range(12))
    assert [*deidentifier.apply_batches(batches)] == [*deidentifier.apply_batches([as_told])]


def observation(number: int) -> dict[str, Any]:
    """Of one of three participants, later than the one before."""
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": f"Patient/p{number % 3}"},
        "effectiveDateTime": f"2026-02-01T00:00:{number:02}Z",
    }
