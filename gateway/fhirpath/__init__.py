"""FHIRPath, compiled: the one expression language of mappings, invariants, search parameters, rules and views.

`compile` parses an expression, checks it against the model and makes a Python function of it; `Expression.evaluate`
runs that on a FHIR resource, or with `model=None` on any tree of dicts and lists. See https://hl7.org/fhirpath/N1/
and https://hl7.org/fhir/R4/fhirpath.html. The package does no I/O and knows no clock: what an evaluation may know
arrives in an `Env`.
"""

from gateway.fhirpath.env import Env
from gateway.fhirpath.errors import FhirPathError, FhirPathEvaluationError
from gateway.fhirpath.expression import Expression, compile
from gateway.fhirpath.functions import FunctionSpec
from gateway.fhirpath.model import R4, Model
from gateway.fhirpath.values.items import Element
from gateway.fhirpath.values.quantity import Quantity
from gateway.fhirpath.values.temporal import Temporal

__all__ = [
    "R4",
    "Element",
    "Env",
    "Expression",
    "FhirPathError",
    "FhirPathEvaluationError",
    "FunctionSpec",
    "Model",
    "Quantity",
    "Temporal",
    "compile",
]
