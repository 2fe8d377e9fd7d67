"""The mappings that the product ships: no findings, and every test in their files passes, validation included."""

from functools import cache

import pytest

from gateway.conformance import Validator
from gateway.core import Issue, Resource
from gateway.core.assets import asset_root
from gateway.definitions import r4
from gateway.mapping.language.load import Surroundings
from gateway.mapping.registry import find_folders, read_mapping
from gateway.mapping.tools.selftest import run_tests
from gateway.terminology import LocalTerminology

FOLDERS = sorted(find_folders(asset_root("mappings")), key=lambda entry: entry[0])


@cache
def _terminology() -> LocalTerminology:
    return LocalTerminology(r4())


@cache
def _validator() -> Validator:
    return Validator(r4(), _terminology())


def _validate(resource: Resource, profiles: object) -> list[Issue]:
    return _validator().validate(resource)


@pytest.mark.parametrize("name", [name for name, _ in FOLDERS])
def test_a_shipped_mapping_passes_its_own_tests(name: str) -> None:
    folder = dict(FOLDERS)[name]
    around = Surroundings(r4(), _terminology(), (asset_root("terminology"),))
    mapping, issues = read_mapping(folder, name, around)
    assert mapping is not None
    assert issues == ()
    assert mapping.fast is not None
    assert mapping.tests
    results = run_tests(mapping, folder, _validate)
    assert [(result.name, result.problems) for result in results if result.problems] == []


def test_there_are_mappings() -> None:
    assert FOLDERS
