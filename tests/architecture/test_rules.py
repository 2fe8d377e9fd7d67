"""The catalogue of rule ids is whole: every rule is raised somewhere and documented, and templates hold no values."""

import re
from pathlib import Path

from gateway.core.rules import RULES
from tests.architecture.sources import product_sources

REFERENCE = Path(__file__).parents[2] / "docs/reference/rules.md"
_AREA = "|".join(sorted({rule.split(".")[0] for rule in RULES}))
_LITERAL = re.compile(rf'"((?:{_AREA})\.[a-z0-9]+(?:-[a-z0-9]+)*)"')


def _mentioned() -> set[str]:
    texts = (path.read_text("utf-8") for path in product_sources() if "core/rules" not in path.as_posix())
    return {rule for text in texts for rule in _LITERAL.findall(text)}


def test_every_rule_is_raised_somewhere() -> None:
    assert set(RULES) - _mentioned() == set()


def test_every_rule_is_documented() -> None:
    documented = set(re.findall(r"^\| `([a-z.0-9-]+)` \|", REFERENCE.read_text("utf-8"), re.MULTILINE))
    assert documented == set(RULES)


def test_templates_name_things_only() -> None:
    for rule in RULES.values():
        assert "{value}" not in rule.message + rule.hint
