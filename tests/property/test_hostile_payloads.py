"""Whatever becomes of an example on its way, a mapping answers with resources or issues, never with an exception."""

import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.assets import asset_root
from gateway.mapping.tools.examples import participant
from tests import mapping_runs
from tests.mapping_runs import registry
from tests.property.disturbing import disturbed

MAPPINGS = {mapping.id: mapping.folder for mapping in registry().all()}
ODD = [
    None,
    "",
    0,
    -1,
    1.5,
    True,
    "x",
    "2026-02-30T25:61:61Z",
    "20261332",
    "1e400",
    "9" * 400,
    "<",
    ">>5",
    "^",
    [],
    {},
]


def payloads(mapping: str) -> list[Path]:
    return sorted(Path(str(asset_root("mappings")), MAPPINGS[mapping], "examples").glob("*/payload.*"))


def disturbed_text(text: str, chance: Random) -> str:
    """The text with a few characters removed, replaced or put in."""
    for _ in range(chance.randint(1, 6)):
        at, put = chance.randrange(len(text)), chance.choice(["", *'|^~\\&,"\n<>0a9-:TZ'])
        text = text[:at] + put + text[at + chance.randint(0, 1) :]
    return text


@pytest.mark.parametrize("mapping", MAPPINGS)
@settings(deadline=None, max_examples=40)
@given(chance=st.randoms(use_true_random=False))
def test_a_disturbed_example_is_mapped_or_refused(mapping, chance):
    payload = chance.choice(payloads(mapping))
    coding = "latin-1" if payload.suffix == ".dcm" else "utf-8"  # any byte is a character of the one
    text = payload.read_text(coding)
    if payload.suffix == ".json" and not text.startswith("<"):
        text = json.dumps(disturbed(json.loads(text), chance, ODD))
    else:
        text = disturbed_text(text, chance)
    outcome = mapping_runs.run(text.encode(coding), [mapping], {"vendorUserId": "gh-101-001"}, participant)
    assert outcome.resources or outcome.issues or outcome.records
