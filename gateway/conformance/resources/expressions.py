"""Resources that hold FHIRPath, link ids or codes of their own: what they name must be there.

See https://hl7.org/fhir/R4/searchparameter.html, https://hl7.org/fhir/R4/questionnaire.html and
https://hl7.org/fhir/R4/codesystem.html.
"""

from collections.abc import Iterator
from typing import Any

from gateway.conformance.run import Location, Run
from gateway.core import Resource
from gateway.fhirpath import FhirPathError, compile


def check_expression(text: Any, at: Location, run: Run) -> None:
    """Reports a text that is no FHIRPath: its syntax, and the functions that it uses."""
    if not isinstance(text, str):
        return
    try:
        compile(text, variables=None)
    except FhirPathError:
        run.report("conformance.definition-expression", at)


def check_search_parameter(parameter: Resource, at: Location, run: Run) -> None:
    """Reports an expression that is none."""
    check_expression(parameter.get("expression"), (at, "expression", -1), run)


def check_questionnaire(questionnaire: Resource, at: Location, run: Run) -> None:
    """Reports conditions on questions that the questionnaire does not have, or on the question itself."""
    items = list(_items(questionnaire, at))
    known = {link for _, item in items if isinstance(link := item.get("linkId"), str)}
    for place, item in items:
        for number, condition in enumerate(_objects(item.get("enableWhen"))):
            asked = condition.get("question")
            if isinstance(asked, str) and (asked not in known or asked == item.get("linkId")):
                run.report("conformance.question-condition", (place, "enableWhen", number))


def check_code_system(system: Resource, at: Location, run: Run) -> None:
    """Reports a number of concepts that is not theirs."""
    count = system.get("count")
    if system.get("content") == "complete" and isinstance(count, int) and count != _concepts(system):
        run.report("conformance.code-system-count", at)


def _concepts(system: Resource) -> int:
    found, open_nodes = 0, _objects(system.get("concept"))
    while open_nodes:
        found += 1
        open_nodes += _objects(open_nodes.pop().get("concept"))
    return found


def _items(questionnaire: Resource, at: Location) -> Iterator[tuple[Location, dict[str, Any]]]:
    open_nodes = [(at, questionnaire)]
    while open_nodes:
        outer, holder = open_nodes.pop()
        listed = holder.get("item")
        for number, item in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(item, dict):
                place = (outer, "item", number)
                yield place, item
                open_nodes.append((place, item))


def _objects(nodes: Any) -> list[dict[str, Any]]:
    return [node for node in nodes if isinstance(node, dict)] if isinstance(nodes, list) else []
