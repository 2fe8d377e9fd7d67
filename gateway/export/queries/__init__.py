"""SQL over views: the SQLQuery and SQLView profiles of SQL on FHIR, run in a DuckDB that sees nothing else.

`study_tables` gives a study's views and queries, `run_source` the rows of either for one reader, with consent and
de-identification as a view alone has them; `Tables` writes a folder of all, `library_of_sql` makes a Library of an
annotated SQL file.
See https://sql-on-fhir.org/ig/latest/StructureDefinition-SQLQuery.html.
"""

from gateway.export.queries.annotated import library_of_sql
from gateway.export.queries.compile import CompiledQuery, Source, resources_of
from gateway.export.queries.definition import Query, read_query
from gateway.export.queries.folder import Tables
from gateway.export.queries.library import Shelf, load_query, study_tables
from gateway.export.queries.run import run_source
from gateway.export.queries.values import read_values

__all__ = [
    "CompiledQuery",
    "Query",
    "Shelf",
    "Source",
    "Tables",
    "library_of_sql",
    "load_query",
    "read_query",
    "read_values",
    "resources_of",
    "run_source",
    "study_tables",
]
