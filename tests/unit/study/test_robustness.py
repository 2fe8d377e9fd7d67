"""Whatever stands in a study's files, checking them finds faults or the study loads; nothing else happens."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.core import yaml
from gateway.study import Study, check
from tests.unit.study.test_study import DEMO

FILES = ("study.yaml", "participants.yaml")
TREES = {name: yaml.load((DEMO / name).read_text("utf-8")).tree for name in FILES}
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=8),
    st.just([]),
    st.just({}),
    st.just([[None]]),
    st.just({"id": "101"}),
    st.sampled_from(["101", "2026-99-99", "system/*.rs", "urn:x", "Europe/Madrid/", "../etc"]),
)


def paths(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a tree."""
    yield path
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in children:
        yield from paths(child, (*path, key))


PLACES = [(name, path) for name in FILES for path in paths(TREES[name])]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("study") / "hf-dct-01"
    root.mkdir()
    for path in DEMO.glob("*.json"):
        (root / path.name).write_bytes(path.read_bytes())
    return root


def changed(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    tree = copy.deepcopy(tree)
    node = tree
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return tree


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(PLACES), junk=JUNK)
def test_one_value_exchanged(folder: Path, place: tuple[str, tuple[Any, ...]], junk: Any) -> None:
    where, path = place
    for name in FILES:
        tree = changed(TREES[name], path, junk) if name == where else TREES[name]
        (folder / name).write_text(json.dumps(tree, default=str), "utf-8")
    issues = check(folder)
    assert all(found.source for found in issues)
    if not issues:
        assert Study.load(folder).enrolment()
