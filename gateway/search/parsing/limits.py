"""How much a search may ask for."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """Beyond these a search is refused.

    `values`: comma-separated values of a parameter. `compared`: those that are compared one by one (dates, numbers,
    texts, composites), and `comparisons` those of a whole search, each component of a composite and each way to read
    a chain apart. `clauses`: parameters. `depth`: links of a chain, `_has` included. `branches`: ways to read a chain
    whose references lead to several types. `expanded`: codes of `:in`, `:above` and `:below`. `includes`: includes
    after wildcards. `sort`: keys of the order. `words`: words of a full-text search.
    """

    values: int = 1_000
    compared: int = 50
    comparisons: int = 300
    clauses: int = 50
    depth: int = 4
    branches: int = 300
    expanded: int = 1_000
    includes: int = 100
    sort: int = 5
    words: int = 20


DEFAULT_LIMITS: Final = Limits()
