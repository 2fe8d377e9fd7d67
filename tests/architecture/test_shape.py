"""The house rules that a machine can see: layers, sizes, words, no path of one machine."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, product_sources, tracked

REFUSED_NAMES = {"utils", "helpers", "common", "manager", "misc"}


def test_import_contracts_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("path", product_sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_has_one_idea(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.count("\n") <= 400
    assert not REFUSED_NAMES & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or node.lineno) - node.lineno < 60, f"{node.name} is too long"


@pytest.mark.parametrize("path", product_sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_module_and_public_name_has_a_docstring(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    missing = [] if ast.get_docstring(tree) or not tree.body else ["module"]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            missing += [] if ast.get_docstring(node) else [node.name]
    assert missing == []


def test_no_path_of_one_machine() -> None:
    pattern = re.compile(r"(?<![\w.])/(?:work|root|tmp|home)/")
    for path in tracked(".py", ".md", ".toml", ".yaml", ".yml", ".sh"):
        assert not pattern.search(path.read_text("utf-8")), path


def test_only_one_module_imports_the_jwt_library() -> None:
    users = [path for path in product_sources() if re.search(r"^\s*(from|import) jose\b", path.read_text(), re.M)]
    assert [path.relative_to(ROOT).as_posix() for path in users] == ["gateway/auth/jose.py"]
