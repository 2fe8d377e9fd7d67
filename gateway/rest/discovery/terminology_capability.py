"""The TerminologyCapabilities of a study's FHIR base: `metadata?mode=terminology`.

See https://hl7.org/fhir/R4/terminologycapabilities.html.
"""

from collections.abc import Sequence

import gateway
from gateway.core.types import Resource
from gateway.rest.operation.declaration import Operation

PUBLISHED = "2026-01-01"


def terminology_statement(base: str, operations: Sequence[Operation]) -> Resource:
    """What the terminology operations among `operations` take, at the FHIR base `base`."""
    expand = next(operation for operation in operations if operation.name == "expand")
    return {
        "resourceType": "TerminologyCapabilities",
        "url": f"{base}/metadata?mode=terminology",
        "version": gateway.__version__,
        "name": "TrialFhirGateway",
        "title": "Terminology of trial-fhir-gateway",
        "status": "active",
        "date": PUBLISHED,
        "kind": "instance",
        "software": {"name": "trial-fhir-gateway", "version": gateway.__version__},
        "implementation": {"description": "Terminology of one study", "url": base},
        "lockedDate": False,
        "expansion": {
            "hierarchical": True,
            "paging": True,
            "incomplete": False,
            "parameter": [{"name": parameter.name} for parameter in expand.parameters],
            "textFilter": "Words of the code or of the display, in any order",
        },
        "codeSearch": "all",
        "validateCode": {"translations": True},
        "translation": {"needsMap": False},
    }
