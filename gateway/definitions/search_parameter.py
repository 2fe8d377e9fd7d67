"""Search parameters as values, one a type, and the compartments they span.

See https://hl7.org/fhir/R4/searchparameter.html and https://hl7.org/fhir/R4/compartmentdefinition.html.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.core import Resource

ABSTRACT = ("Resource", "DomainResource")

_FIRST_NAME = re.compile(r"[\s(]*([A-Za-z]+)")


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """A search parameter as one resource type has it.

    `expression` is the part of the FHIRPath union that starts at that type, empty for parameters without one
    (`_text`, `_content`, `_query`). `components` of a composite are (definition URL, expression) pairs.
    """

    code: str
    url: str
    type: str
    expression: str
    targets: tuple[str, ...] = ()
    components: tuple[tuple[str, str], ...] = ()


def read_parameter(resource: Resource, type_name: str) -> SearchParameter:
    """The parameter as `type_name` has it; the type is one of its bases, or a subtype of one."""
    return SearchParameter(
        code=resource["code"],
        url=resource["url"],
        type=resource["type"],
        expression=expression_for(resource.get("expression", ""), type_name),
        targets=tuple(resource.get("target", ())),
        components=tuple((entry["definition"], entry["expression"]) for entry in resource.get("component", ())),
    )


def expression_for(expression: str, type_name: str) -> str:
    """The parts of a union that apply to `type_name`, joined again; abstract and relative parts (`name`) stay."""
    wanted = (type_name, *ABSTRACT)
    return " | ".join(part for part in split_union(expression) if _starts_with(part, wanted))


def _starts_with(part: str, types: tuple[str, ...]) -> bool:
    found = _FIRST_NAME.match(part)
    return found is not None and (found.group(1) in types or found.group(1)[0].islower())


def split_union(expression: str) -> list[str]:
    """The operands of the outermost `|` of an expression."""
    parts, depth, quoted, start = [], 0, False, 0
    for index, character in enumerate(expression):
        if character == "'":
            quoted = not quoted
        elif not quoted:
            depth += (character == "(") - (character == ")")
            if character == "|" and depth == 0:
                parts.append(expression[start:index].strip())
                start = index + 1
    return [part for part in (*parts, expression[start:].strip()) if part]


def by_type(resources: Iterable[Resource]) -> dict[str, dict[str, Resource]]:
    """Base type -> code -> SearchParameter; a later one replaces an earlier one, malformed ones are left out."""
    found: dict[str, dict[str, Resource]] = {}
    for resource in resources:
        code, bases = resource.get("code"), resource.get("base")
        if not isinstance(code, str) or not isinstance(resource.get("type"), str) or not isinstance(bases, list):
            continue
        for base in bases:
            if isinstance(base, str):
                found.setdefault(base, {})[code] = resource
    return found


def read_compartment(resource: Resource) -> Mapping[str, tuple[str, ...]]:
    """Resource type -> codes of the search parameters that put a resource into the compartment."""
    return {entry["code"]: tuple(entry["param"]) for entry in resource["resource"] if entry.get("param")}
