"""How much a search asks of each resource that it looks at."""

from gateway.search.query import (
    AnyClause,
    ChainClause,
    Clause,
    CompositeClause,
    DateClause,
    HasClause,
    NotClause,
    NumberClause,
    QuantityClause,
    StringClause,
    TextClause,
    TokenTextClause,
    UriClause,
)


def comparisons(clause: Clause) -> int:
    """How many values are compared one by one: dates, numbers, texts, URIs, and each component of a composite.

    Tokens, references and ids are looked up together, however many they are.
    """
    match clause:
        case NotClause(inner) | ChainClause(clause=inner) | HasClause(clause=inner):
            return comparisons(inner)
        case AnyClause(several):
            return sum(map(comparisons, several))
        case CompositeClause(values=groups):
            return sum(map(len, groups))
        case DateClause() | NumberClause() | QuantityClause() | StringClause() | UriClause():
            return len(clause.values)
        case TextClause() | TokenTextClause():
            return len(clause.values)
    return 0
