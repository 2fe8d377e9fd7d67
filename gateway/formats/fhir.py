"""FHIR R4 JSON as a payload, to normalise what another system made: `{"resources": [{...}, ...]}`.

A Bundle gives the resources of its entries, in order; an entry without one (a search outcome, a deletion) is passed
over. Any other resource is a list of one. The Questionnaires among them are `questionnaires` too, where there are
any, so that the one of a response is found without going over all resources. Resources keep their own form:
`resources.where(resourceType = 'QuestionnaireResponse')`. Numbers are int, or Decimal with their own digits.
Positions are JSON Pointers of the document. There are no options. See https://hl7.org/fhir/R4/json.html.
"""

from typing import Any

from gateway.core.codec import loads
from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import Decoded, Options, Pointer, json_pointer


def decode_fhir(data: bytes, options: Options) -> Decoded:
    """The resources in `data`; raises `BadRequest` with a `payload.*` rule or `format.fhir-resource`."""
    document = loads(data)
    if _type(document, "") != "Bundle":
        return Decoded(_tree([document]), lambda pointer: json_pointer(pointer[2:]))
    entries = document.get("entry", [])
    if not isinstance(entries, list):
        raise BadRequest(issue("format.fhir-resource", source="/entry"))
    places, resources = [], []
    for index, entry in enumerate(entries):
        if isinstance(entry, dict) and "resource" in entry:
            _type(entry["resource"], f"/entry/{index}/resource")
            places.append(index)
            resources.append(entry["resource"])

    asked = [place for place, resource in zip(places, resources, strict=True) if _is_questionnaire(resource)]

    def locate(pointer: Pointer) -> str:
        found = asked if pointer[:1] == ("questionnaires",) else places
        if len(pointer) < 2 or not isinstance(pointer[1], int) or pointer[1] >= len(found):
            return ""
        return json_pointer(("entry", found[pointer[1]], "resource", *pointer[2:]))

    return Decoded(_tree(resources), locate)


def _tree(resources: list[Any]) -> dict[str, Any]:
    questionnaires = [resource for resource in resources if _is_questionnaire(resource)]
    return {"resources": resources, **({"questionnaires": questionnaires} if questionnaires else {})}


def _is_questionnaire(resource: Any) -> bool:
    return bool(resource["resourceType"] == "Questionnaire")


def _type(resource: Any, source: str) -> str:
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if not isinstance(kind, str):
        raise BadRequest(issue("format.fhir-resource", source=source))
    return kind
