"""Numbers that may be published: counts by groups with small cells suppressed, and how anonymous a flat file is.

`aggregate` counts a view's rows by groups, `suppress` decides which counts may be shown, `anonymity` measures k and l
of a file that `gateway view run` wrote.
"""

from gateway.export.aggregates.anonymity import Anonymity, anonymity
from gateway.export.aggregates.counting import Aggregate, Cell, Question, Total, aggregate
from gateway.export.aggregates.suppression import Group, Suppression, Value, suppress

__all__ = [
    "Aggregate",
    "Anonymity",
    "Cell",
    "Group",
    "Question",
    "Suppression",
    "Total",
    "Value",
    "aggregate",
    "anonymity",
    "suppress",
]
