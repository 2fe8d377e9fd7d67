"""Codes and units: whether a code is in a value set, what it means, what it is called elsewhere.

`Terminology` is the port that engines speak to; `LocalTerminology` answers it from the definitions, in memory.
Code systems that follow a grammar (languages, MIME types, units, currencies) are judged by the grammar. Where the
content of a code system is not here the answer is None, "cannot be decided", never a guess.
`gateway.terminology.ucum` converts units. The FHIR operations are functions over a `Catalog`, a module each:
`expansion`, `validation`, `lookup`, `subsumption`, `translation`. They tell all that the resources say; the port
tells engines, in microseconds, what they need.
"""

from gateway.terminology.local import LocalTerminology
from gateway.terminology.port import Canonicals, CodeCheck, Coding, Concept, Expansion, Terminology

__all__ = ["Canonicals", "CodeCheck", "Coding", "Concept", "Expansion", "LocalTerminology", "Terminology"]
