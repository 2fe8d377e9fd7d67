"""Guides and the packages that they depend on."""

import json
from pathlib import Path

from gateway.definitions import Definitions, r4, read_guides
from tests.unit.definitions.test_package import write


def package(folder: Path, name: str, **dependencies: str) -> Path:
    manifest = {"name": name, "version": "1.0.0", "dependencies": {"hl7.fhir.r4.core": "4.0.1"} | dependencies}
    value_set = {"resourceType": "ValueSet", "url": f"urn:{name}", "status": "active"}
    shared = {"resourceType": "ValueSet", "url": "urn:shared", "status": "active", "name": name}
    files = {"package/package.json": manifest, "package/v.json": value_set, "package/s.json": shared}
    return write(folder / f"{name}-1.0.0.tgz", {path: json.dumps(tree).encode() for path, tree in files.items()})


def test_dependencies_beside_the_guide_are_loaded_below_it(tmp_path: Path) -> None:
    package(tmp_path, "base")
    top = package(tmp_path, "top", base="1.0.0")
    sources, missing = read_guides(top)
    definitions = Definitions.of(r4(), *sources)
    assert missing == ()
    assert definitions.canonical("urn:base") is not None
    assert (definitions.canonical("urn:shared") or {})["name"] == "top"


def test_a_dependency_that_is_not_here_is_said(tmp_path: Path) -> None:
    _, missing = read_guides(package(tmp_path, "top", base="1.0.0"))
    assert [(found.rule, found.source) for found in missing] == [("conformance.dependency-missing", "base#1.0.0")]


def test_guides_that_depend_on_each_other_end(tmp_path: Path) -> None:
    package(tmp_path, "a", b="1.0.0")
    sources, missing = read_guides(package(tmp_path, "b", a="1.0.0"))
    assert (len(sources), missing) == (2, ())


def test_a_name_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    package(tmp_path, "base")
    inner = tmp_path / "inner"
    inner.mkdir()
    sources, _ = read_guides(package(inner, "top", **{"../base": "1.0.0"}))
    assert len(sources) == 1


def test_a_folder_may_be_an_unpacked_package(tmp_path: Path) -> None:
    package(tmp_path, "base")
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "package.json").write_text(json.dumps({"dependencies": {"base": "1.0.0"}}))
    sources, _ = read_guides(tmp_path / "top")
    assert len(sources) == 2
