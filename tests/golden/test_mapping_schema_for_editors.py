"""An editor that knows `mappings/mapping.schema.json` says of a file's form what `map lint` says.

It knows no R4 and reads no expressions: what needs these is the linter's alone.
"""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gateway.core.yaml import YamlError, load
from gateway.formats import FORMATS
from tests.golden.directives import SCHEMA

FOLDER = Path(__file__).parent
GOOD = sorted(FOLDER.glob("mapping_directives/*.yaml"))
WRONG = sorted(FOLDER.glob("mappings_broken/*.yaml"))

LINTER_ALONE = frozenset(
    ("group-without-order", "series-in-a-record", "series-other-order", "test-of-an-unknown-zone",
     "variable-taken-name", "zone-reads-payload", "zone-unknown")
)  # fmt: skip
"""Of a wrong form by what other parts of the file say, by zones, or by what expressions read."""

EDITOR = Draft202012Validator(SCHEMA)


def _as_json(node: Any) -> Any:
    """The tree with the numbers that an editor sees."""
    if isinstance(node, dict):
        return {name: _as_json(child) for name, child in node.items()}
    if isinstance(node, list):
        return [_as_json(child) for child in node]
    return float(node) if isinstance(node, Decimal) else node


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_an_editor_takes_what_is_right(path: Path) -> None:
    assert list(EDITOR.iter_errors(_as_json(load(path.read_text("utf-8")).tree))) == []


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_an_editor_refuses_the_forms_that_the_linter_refuses(path: Path) -> None:
    text = path.read_text("utf-8")
    try:
        tree = _as_json(load(text).tree)
    except YamlError:
        assert "#! mapping.yaml" in text
        return
    is_wrong = re.search(r"#! mapping\.structure", text) is not None and path.stem not in LINTER_ALONE
    assert EDITOR.is_valid(tree) is not is_wrong


def test_an_editor_completes_every_format() -> None:
    (told,) = SCHEMA["properties"]["source"]["properties"]["format"]["allOf"]
    assert set(told["enum"]) == set(FORMATS)
