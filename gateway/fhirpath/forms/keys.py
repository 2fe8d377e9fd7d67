"""getResourceKey() and getReferenceKey(). See https://sql-on-fhir.org/ig/latest/StructureDefinition-ViewDefinition.html.

A key is the logical id, so that tables join on `id`: one study's ids are unique.
"""

import re
from typing import Any, Final

from gateway.fhirpath.facts import Analysis, Scope
from gateway.fhirpath.forms.form import Consume, Form, Generation, Item, Place
from gateway.fhirpath.kinds import STRING, Kind
from gateway.fhirpath.syntax.nodes import Call
from gateway.fhirpath.types import type_argument
from gateway.fhirpath.values.items import raw

_REFERENCE: Final = re.compile(r"(?:.*/)?([A-Z][A-Za-z]*)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?")

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def resource_key(item: Any) -> str | None:
    """The logical id of a resource; None for anything else, or without one."""
    tree = raw(item)
    found = tree.get("id") if tree.__class__ is dict and "resourceType" in tree else None
    return found if found.__class__ is str else None


def reference_key(item: Any, type_name: str | None) -> str | None:
    """The logical id that a literal reference names; None for another type, a contained or a logical reference."""
    tree = raw(item)
    text = tree.get("reference") if tree.__class__ is dict else None
    if text.__class__ is not str:
        return None
    kind, _, key = text.partition("/")
    if kind == type_name and _ID.fullmatch(key):
        return key
    found = _REFERENCE.fullmatch(text)
    return found[2] if found and type_name in (None, found[1]) else None


def _analyse_resource(_analysis: Analysis, _node: Call, target: Kind, scope: Scope) -> tuple[Kind, Scope]:
    return Kind(STRING.types, target.many, target.ordered), scope


def _analyse_reference(analysis: Analysis, node: Call, target: Kind, scope: Scope) -> tuple[Kind, Scope]:
    for argument in node.arguments:
        name = type_argument(argument)
        if name is None or (analysis.model is not None and not analysis.model.is_resource(name.name)):
            raise analysis.fail(
                "fhirpath.argument", argument.start, name=node.name, expected="the name of a resource type"
            )
    return Kind(STRING.types, target.many, target.ordered), scope


def _each(generation: Generation, node: Call, place: Place, consume: Consume) -> None:
    code = generation.code
    name = type_argument(node.arguments[0]) if node.arguments else None
    found = code.fresh()

    def tell(item: Item) -> None:
        if node.name == "getResourceKey":
            code.emit("K = FIND(V)", K=found, FIND=generation.bind(resource_key), V=item.name)
        else:
            sort = generation.bind(name.name if name else None)
            code.emit("K = FIND(V, T)", K=found, FIND=generation.bind(reference_key), V=item.name, T=sort)
        with code.into(code.emit("if K is not None:\n    ...", K=found)):
            consume(Item(found, STRING))

    generation.focus(node, place, tell)


FORMS: Final = (
    Form(
        "getResourceKey",
        "SQL on FHIR: getResourceKey",
        0,
        0,
        _analyse_resource,
        each=_each,
        says="The logical id of each resource, the key that tables are joined by.",
        examples=("{}.getResourceKey().empty()",),
    ),
    Form(
        "getReferenceKey",
        "SQL on FHIR: getReferenceKey",
        0,
        1,
        _analyse_reference,
        each=_each,
        says="The logical id that each reference names, of the given type only where one is given.",
        examples=("{}.getReferenceKey(Patient).empty()",),
    ),
)
"""The forms of this file."""
