"""Expressions of FHIR R4 that do not say what they mean, with what they mean.

The published texts stay as they are in the definitions; who evaluates them asks `corrected`. An erratum is a text
that the specification's own examples, or FHIRPath itself, prove wrong. `hasExtension` is the one function in R4 that
no specification defines; it is among the functions.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Erratum:
    """Where a text stands (`element key`), what is wrong with it, and the expression that it means.

    `base` is the type for which alone the text is wrong, empty where it always is.
    """

    where: str
    published: str
    fault: str
    meaning: str
    base: str = ""


ERRATA: Final = (
    Erratum(
        "RiskAssessment.prediction ras-2",
        "probability is decimal implies (probability as decimal) <= 100",
        "gives nothing where there is no probability, which is allowed",
        "probability.exists() implies (probability is decimal implies (probability as decimal) <= 100)",
    ),
    Erratum(
        "Bundle.entry bdl-8",
        "fullUrl.contains('/_history/').not()",
        "gives nothing where there is no fullUrl, which is allowed",
        "fullUrl.exists() implies fullUrl.contains('/_history/').not()",
    ),
    Erratum(
        "Reference ref-1",
        "reference.startsWith('#').not() or (reference.substring(1).trace('url') in "
        "%rootResource.contained.id.trace('ids'))",
        "gives nothing where there is no reference, which is allowed; and `#` is the container itself",
        "reference.hasValue().not() or reference.startsWith('#').not() or reference = '#' or "
        "(reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids'))",
    ),
    Erratum(
        "Questionnaire.item.enableWhen que-7",
        "operator = 'exists' implies (answer is Boolean)",
        "names the type of FHIRPath where the answer has FHIR's",
        "operator = 'exists' implies (answer is boolean)",
    ),
    Erratum(
        "Timing.repeat tim-9",
        "offset.empty() or (when.exists() and ((when in ('C' | 'CM' | 'CD' | 'CV')).not()))",
        "takes `when`, which may repeat, for a single item",
        "offset.empty() or (when.exists() and when.all(($this in ('C' | 'CM' | 'CD' | 'CV')).not()))",
    ),
    Erratum(
        "ActivityDefinition adf-0 and its like",
        "name.matches('[A-Z]([A-Za-z0-9_]){0,254}')",
        "gives nothing where there is no name, which is allowed",
        "name.empty() or name.matches('[A-Z]([A-Za-z0-9_]){0,254}')",
    ),
    Erratum(
        "ChargeItemDefinition cid-0",
        "name.matches('[A-Z]([A-Za-z0-9_]){0,254}')",
        "names an element that ChargeItemDefinition has not; it says nothing",
        "true",
        base="ChargeItemDefinition",
    ),
    Erratum(
        "QuestionnaireResponse item-subject (search parameter)",
        "QuestionnaireResponse.item.where(hasExtension("
        "'http://hl7.org/fhir/StructureDefinition/questionnaireresponse-isSubject')).answer.value.ofType(Reference)",
        "calls a function that no specification defines",
        "QuestionnaireResponse.item.where(extension("
        "'http://hl7.org/fhir/StructureDefinition/questionnaireresponse-isSubject').exists())"
        ".answer.value.ofType(Reference)",
    ),
)
"""All errata of R4 4.0.1 that matter here."""

_MEANINGS: Final = MappingProxyType({(erratum.published, erratum.base): erratum.meaning for erratum in ERRATA})


def corrected(expression: str, base: str | None = None) -> str:
    """What a published expression means on values of a type or path: its correction, or itself."""
    return _MEANINGS.get((expression, base or "")) or _MEANINGS.get((expression, ""), expression)
