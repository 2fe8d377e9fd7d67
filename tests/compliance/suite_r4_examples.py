"""The official R4 examples: valid ones are accepted, the one that is invalid is refused for its reason."""

from functools import cache

from gateway.conformance import Validator
from gateway.core import loads
from gateway.definitions import r4
from gateway.terminology import LocalTerminology
from tests.compliance.official import folder

NAME = "r4-examples"

INVALID = {"Questionnaire-qs1.json": "conformance.minimum"}
"""Examples that are not valid R4, and the rule that they break: linkId is missing in most items."""


@cache
def validator() -> Validator:
    """The validator over R4 alone."""
    return Validator(r4(), LocalTerminology(r4()))


def run() -> tuple[int, int, list[str]]:
    """Validates every example; a miss names the file and the first findings."""
    files = sorted(folder(NAME).glob("*.json"))
    misses = []
    for file in files:
        issues = validator().validate(loads(file.read_bytes()))
        errors = [found for found in issues if found.blocks]
        refused = {found.rule for found in errors}
        skipped = {found.rule for found in issues} & {
            "conformance.invariant-not-compiled",
            "conformance.invariant-not-evaluated",
        }
        if refused != ({INVALID[file.name]} if file.name in INVALID else set()) or skipped:
            shown = "; ".join(f"{found.rule} {found.expression}" for found in errors[:3]) or ", ".join(skipped)
            misses.append(f"{file.name}: {shown or 'accepted'}")
    return len(files) - len(misses), len(files), misses
