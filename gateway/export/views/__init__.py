"""SQL on FHIR: ViewDefinitions compiled, run over what a reader may take along, and written as tables.

`read_view` reads a definition strictly, `compile_view` makes of it a function from a resource to rows.
See https://sql-on-fhir.org/ig/latest/.
"""

from gateway.export.views.compile import CompiledView, compile_view
from gateway.export.views.definition import View, read_view

__all__ = ["CompiledView", "View", "compile_view", "read_view"]
