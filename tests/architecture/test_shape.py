"""The house rules that a machine can see: layers, sizes, words, no path of one machine."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, product_sources, tracked

REFUSED_NAMES = {"utils", "helpers", "common", "manager", "misc"}
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
DEFINITIONS = FUNCTIONS | ast.ClassDef


def test_import_contracts_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_a_file_has_one_idea_and_says_which() -> None:
    sources = product_sources()
    assert sources
    assert [fault for path in sources for fault in _faults(path)] == []


def _faults(path: Path) -> Iterator[str]:
    """Why a file is not in shape: too long, badly named, or without a word of what it or a public name of it is."""
    text, name = path.read_text("utf-8"), path.relative_to(ROOT).as_posix()
    if text.count("\n") > 400:
        yield f"{name} has more than 400 lines"
    if REFUSED_NAMES & set(name.removesuffix(".py").split("/")):
        yield f"{name} is not named after what is in it"
    tree = ast.parse(text)
    if tree.body and not ast.get_docstring(tree):
        yield f"{name} has no docstring"
    for node in tree.body:
        if isinstance(node, DEFINITIONS) and not node.name.startswith("_") and not ast.get_docstring(node):
            yield f"{name}: {node.name} has no docstring"
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS) and (node.end_lineno or node.lineno) - node.lineno >= 60:
            yield f"{name}: {node.name} is too long"


def test_what_is_out_of_shape_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.architecture.test_shape.ROOT", tmp_path)
    (tmp_path / "utils").mkdir()
    file = tmp_path / "utils" / "helpers.py"
    file.write_text("def one():\n" + "    1\n" * 60 + "\n" * 340, "utf-8")
    assert len(list(_faults(file))) == 5


def test_no_path_of_one_machine() -> None:
    pattern = re.compile(r"(?<![\w.])/(?:work|root|tmp|home)/")
    for path in tracked(".py", ".md", ".toml", ".yaml", ".yml", ".sh"):
        assert not pattern.search(path.read_text("utf-8")), path


def test_only_one_module_imports_the_jwt_library() -> None:
    users = [path for path in product_sources() if re.search(r"^\s*(from|import) jose\b", path.read_text(), re.M)]
    assert [path.relative_to(ROOT).as_posix() for path in users] == ["gateway/auth/jose.py"]
