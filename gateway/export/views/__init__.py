"""SQL on FHIR: ViewDefinitions compiled, run over what a reader may take along, and written as tables.

`read_view` reads a definition strictly, `compile_view` makes of it a function from a resource to rows, `study_views`
are those that a study brings. `run_view` asks a Door for the resources, `write_table` makes the file.
See https://sql-on-fhir.org/ig/latest/.
"""

from gateway.export.views.compile import CompiledView, compile_view
from gateway.export.views.definition import View, read_view
from gateway.export.views.library import load_view, study_views
from gateway.export.views.run import run_view
from gateway.export.views.tables import write_table

__all__ = [
    "CompiledView",
    "View",
    "compile_view",
    "load_view",
    "read_view",
    "run_view",
    "study_views",
    "write_table",
]
