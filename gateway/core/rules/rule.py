"""What the catalogue says of one rule."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Rule:
    """Severity, IssueType, message template and hint template of a rule id.

    Templates are `str.format` templates over names of things (`{element}`), never over participants' values.
    """

    severity: Literal["fatal", "error", "warning", "information"]
    code: str
    message: str
    hint: str = ""
