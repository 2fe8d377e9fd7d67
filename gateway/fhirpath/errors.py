"""What goes wrong with an expression, with the place in its text."""

from typing import Any

from gateway.core.errors import FhirError
from gateway.core.issues import issue


class FhirPathError(FhirError):
    """A fault of an expression: its rule, and the place as `offset` (0-based), `line` and `column` (1-based).

    `caret` is the line of the expression with a caret under the place. The text is the author's, never a
    participant's data.
    """

    status = 422

    def __init__(self, rule: str, text: str, offset: int, /, **names: Any) -> None:
        before = text[:offset]
        self.rule = rule
        self.text = text
        self.offset = offset
        self.line = before.count("\n") + 1
        self.column = offset - (before.rfind("\n") + 1) + 1
        super().__init__(issue(rule, source=f"line {self.line}, column {self.column}", **names))

    @property
    def message(self) -> str:
        """What is wrong, in one sentence."""
        return self.issues[0].message

    @property
    def caret(self) -> str:
        """The line of the expression and, below it, a caret at the column."""
        lines = self.text.split("\n")
        return f"{lines[self.line - 1]}\n{' ' * (self.column - 1)}^"

    def __str__(self) -> str:
        return f"{self.message} (line {self.line}, column {self.column})\n{self.caret}"


class FhirPathEvaluationError(FhirPathError):
    """The data met by an expression is not what the expression takes, such as several items where one is needed."""


class Fault(Exception):
    """Raised by the functions that evaluate; the expression turns it into an error with its place."""

    def __init__(self, rule: str, /, **names: Any) -> None:
        super().__init__(rule)
        self.rule = rule
        self.names = names


class Malformed(Exception):
    """The data breaks the cardinalities of the model; the expression then takes its slower, tolerant form."""
