"""$subsumes as a pure function. https://hl7.org/fhir/R4/codesystem-operation-subsumes.html"""

from gateway.core.errors import NotFound
from gateway.core.issues import issue
from gateway.terminology.catalog import Catalog
from gateway.terminology.port import Subsumption


def subsumes(catalog: Catalog, system: str, a: str, b: str, version: str = "") -> Subsumption:
    """How code `a` relates to code `b`; raises `NotFound` for an unknown system or code."""
    content = catalog.content(f"{system}|{version}" if version else system)
    if content is None:
        raise NotFound(issue("terminology.unknown-system", system=system))
    first, second = content.node(a), content.node(b)
    for code, node in ((a, first), (b, second)):
        if node is None:
            raise NotFound(issue("terminology.unknown-concept", code=code, system=system))
    if first is second:
        return "equivalent"
    if first is not None and second is not None and second["code"] in content.compiled.descendants(first["code"]):
        return "subsumes"
    if first is not None and second is not None and first["code"] in content.compiled.descendants(second["code"]):
        return "subsumed-by"
    return "not-subsumed"
