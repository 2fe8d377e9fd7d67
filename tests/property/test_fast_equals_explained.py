"""What generated functions make of a payload is what the explaining walk makes of it, findings and places included.

Payloads are the examples and tests of every mapping and the real ones, as they are and disturbed: places removed,
doubled, put into lists, or replaced by values of another kind.
"""

import copy
import os
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.assets import asset_root
from gateway.core.errors import FhirError
from gateway.core.ids import resource_id
from gateway.formats import decode, json_pointer
from gateway.mapping import Mapping
from gateway.mapping.identity import framed, id_maker
from gateway.mapping.mapping import Locate
from gateway.mapping.tools.selftest import facts_of
from tests.mapping_runs import registry
from tests.property.disturbing import disturbed

MAPPINGS = sorted(mapping.id for mapping in registry().all())
LARGE = 300_000
FACTS = [facts_of({"envelope": {"vendorUserId": "u"}, "study": study}) for study in ({}, {"series": "minutes"})]
ODD: list[Any] = [
    None, "", 0, -1, Decimal("1.50"), True, False, "x", "2026-02-30T25:61:61Z", "20261332", "1e400", "9" * 400, "<",
    ">>5", "^", [], {}, "2026-01-01T00:00:00Z", "7200s", "72", [1, 2], [None], [["a"]], [{}], {"a": "b"},
    {"c1": "x", "c2": "y", "c3": "LN"},
]  # fmt: skip


def real_files(root: Path) -> Iterator[Path]:
    for line in (root / "index.tsv").read_text("utf-8").splitlines()[1:]:
        role, path = line.split("\t")[:2]
        if role == "payload" and (root / path).stat().st_size < LARGE:
            yield root / path


@cache
def trees(name: str) -> list[tuple[Any, Locate]]:
    """The payloads of a mapping's own examples and tests, decoded."""
    mapping = registry().get(name)
    found: list[tuple[Any, Locate]] = []
    for path in sorted(Path(str(asset_root("mappings")), mapping.folder, "examples").glob("*/payload.*")):
        try:
            decoded = decode(path.read_bytes(), mapping.format, mapping.source.options)
        except FhirError:
            continue
        found.append((decoded.tree, decoded.locate))
    stated = [test["given"] for test in mapping.tests if isinstance(test.get("given"), dict | list)]
    return [*found, *((tree, json_pointer) for tree in stated)]


def compare(mapping: Mapping, tree: Any, locate: Locate) -> None:
    for facts in FACTS:
        fast, explained = (mapping.apply(tree, facts, trace=trace, locate=locate) for trace in (False, True))
        long = fast if mapping.short is None else replace(mapping, short=None).apply(tree, facts, locate=locate)
        for found in (fast, long):
            assert (found.units, found.issues) == (explained.units, explained.issues)
            assert [repr(one) for one in found.resources] == [repr(one) for one in explained.resources]


@pytest.mark.parametrize("name", MAPPINGS)
@settings(deadline=None, max_examples=25)
@given(chance=st.randoms(use_true_random=False))
def test_disturbed_examples(name: str, chance: Random) -> None:
    mapping = registry().get(name)
    assert trees(name), "a mapping has an example that can be decoded"
    tree = copy.deepcopy(chance.choice(trees(name))[0])
    for _ in range(chance.randint(0, 3)):
        tree = disturbed(tree, chance, ODD)
    compare(mapping, tree, json_pointer)


@pytest.mark.parametrize("name", MAPPINGS)
def test_examples_as_they_are(name: str) -> None:
    mapping = registry().get(name)
    for tree, locate in trees(name):
        compare(mapping, tree, locate)


def test_real_payloads() -> None:
    root = Path(os.environ.get("GATEWAY_PAYLOADS_DIR", "../shared/payloads"))
    if not (root / "index.tsv").exists():
        pytest.skip("GATEWAY_PAYLOADS_DIR does not lead to the real payloads")
    compared = 0
    for path in real_files(root):
        body, known = path.read_bytes(), {}
        for mapping in registry().all():
            if mapping.format not in known:
                try:
                    known[mapping.format] = decode(body, mapping.format, mapping.source.options)
                except FhirError:
                    known[mapping.format] = None
            decoded = known[mapping.format]
            if decoded is not None and mapping.takes(decoded.tree):
                compare(mapping, decoded.tree, decoded.locate)
                compared += 1
    assert compared > 100


@given(st.lists(st.text(max_size=8), min_size=3, max_size=6), st.integers(0, 3))
def test_ids_of_a_unit_are_those_of_the_product(parts: list[str], shared: int) -> None:
    study, mapping, emit, *key = parts
    digest = id_maker(study, framed(mapping) + framed(emit), tuple(key[:shared]))()
    digest.update("".join(map(framed, key[shared:])).encode())
    made = digest.hexdigest()
    assert made == resource_id(study, mapping, emit, key)
