"""What an evaluation may know besides the data: variables, the moment, and services.

See https://hl7.org/fhirpath/N1/#environment-variables and https://hl7.org/fhir/R4/fhirpath.html#variables.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.core.types import Resource
from gateway.terminology.port import Terminology


@dataclass(frozen=True, slots=True)
class Env:
    """`variables` are `%name` (one value, a list, or None for empty); `now` is what now() and today() tell.

    `resource` and `root` are `%resource` and `%rootResource`, by default the data itself. `resolve` finds the
    resource of a reference. `conforms` tells whether a resource conforms to a profile, None when the profile is
    unknown; `in_slice` whether an item is in the slice that a profile names, None when either is unknown. `trace`
    receives name and items of trace(). `budget` bounds how many items the evaluation may visit; as a
    function it is called for each, and ends the evaluation by what it raises.
    A service that is missing and needed raises `FhirPathEvaluationError`.
    """

    variables: Mapping[str, Any] = field(default_factory=dict)
    now: datetime | None = None
    resource: Any = None
    root: Any = None
    resolve: Callable[[str], Resource | None] | None = None
    terminology: Terminology | None = None
    conforms: Callable[[Any, str], bool | None] | None = None
    in_slice: Callable[[Any, str, str], bool | None] | None = None
    trace: Callable[[str, list[Any]], None] | None = None
    budget: int | Callable[[], None] | None = None
