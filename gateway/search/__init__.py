"""FHIR search as values: a parsed query, what a resource is found by, and whether the two agree.

`parse` turns request parameters into a `Query` or refuses them, `extract` gives the index entries of a resource,
and `matches` answers the query in memory: the oracle that every store's search is tested against. Nothing here
knows SQL. See https://hl7.org/fhir/R4/search.html.
"""

from gateway.search.extract import extract
from gateway.search.match import matches
from gateway.search.outline import outline
from gateway.search.parameters import Parameters
from gateway.search.parse import Limits, parse
from gateway.search.query import IndexEntry, Query

__all__ = ["IndexEntry", "Limits", "Parameters", "Query", "extract", "matches", "outline", "parse"]
