"""CDISC ODM-XML (1.2, 1.3, 2.0; REDCap project XML and Dataset-XML are of this family).

The tree is the `ODM` element. An element is a dict: attributes by local name, child elements by local name (always a
list, in document order), text that is not blank as `text`. So an item of a form is

    ClinicalData.SubjectData.StudyEventData.FormData.ItemGroupData.ItemData.where(ItemOID = 'IT.DYSPNOEA').Value

Shared for reading, since an expression cannot look upwards: events, forms and item groups have also
the keys of what they are in (`StudyOID`, `MetaDataVersionOID`, `SubjectKey`, Rave's `SubjectName`, `SiteOID`,
`StudyEventOID`, `StudyEventRepeatKey`, `FormOID`, `FormRepeatKey`, and `TransactionType` where it is `Remove`), and
what the metadata of the same file say of them: `StudyEventName`, `FormName`, of items `Question` and the `Unit` that
their `MeasurementUnitRef` means (`odm_definitions`). Typed items (`ItemDataInteger`, `ItemDataDatetime` ...) are in
`ItemData` too, their text as `Value`. Projects of REDCap without events have forms right below `SubjectData`. Version
2.0 has item groups in item groups and no forms: its outermost ones are read as `FormData` (`odm_forms`). Values stay
text. Positions are XPaths, `/ODM/ClinicalData[1]/SubjectData[2]/@SubjectKey`.

Document type definitions, entities and external references are refused; depth and the number of elements are
limited. There are no options. See https://www.cdisc.org/standards/data-exchange/odm.
"""

from typing import Any

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import Decoded, Options, Pointer
from gateway.formats.odm_definitions import Definitions, definitions_of
from gateway.formats.odm_forms import Moved, forms_of_groups
from gateway.formats.xml_tree import children, read_xml

NAMESPACES = tuple(f"http://www.cdisc.org/ns/odm/v{version}" for version in ("1.2", "1.3", "2.0"))

_LEVELS = ("ClinicalData", "SubjectData", "StudyEventData", "FormData", "ItemGroupData")
_SHARED = (
    ("StudyOID", "MetaDataVersionOID"),
    ("SubjectKey", "SubjectName"),
    ("StudyEventOID", "StudyEventRepeatKey"),
    ("FormOID", "FormRepeatKey"),
    (),
)
_EVENT, _FORM = _LEVELS.index("StudyEventData"), _LEVELS.index("FormData")
_NAMED = {"StudyEventData": ("StudyEventOID", "StudyEventName"), "FormData": ("FormOID", "FormName")}


def decode_odm(data: bytes, options: Options) -> Decoded:
    """The tree of an ODM document; raises `BadRequest` with a `format.xml-*` or `format.odm-*` rule."""
    document = read_xml(data)
    if document.name != "ODM" or document.namespace not in NAMESPACES:
        raise BadRequest(issue("format.odm-root"))
    moved: Moved = forms_of_groups(document.element) if document.namespace == NAMESPACES[-1] else {}
    _share(document.element, 0, {}, definitions_of(document.element))

    def locate(pointer: Pointer) -> str:
        for length in range(len(pointer), 0, -1):
            if pointer[:length] in moved:
                return document.locate((*moved[pointer[:length]], *pointer[length:]))
        return document.locate(pointer)

    return Decoded(document.element, locate if moved else document.locate)


def _share(element: dict[str, Any], level: int, known: dict[str, str], definitions: Definitions) -> None:
    """Gives the elements below the keys of those above, and typed items the form of untyped ones."""
    for child in children(element, _LEVELS[level]):
        if level >= _EVENT:
            for name, value in known.items():
                if name == "TransactionType":
                    child[name] = value
                child.setdefault(name, value)
        below = {**known, **_own(child, level)}
        if level + 1 == len(_LEVELS):
            _untype(child)
            definitions.tell_items(child)
            continue
        if level in (_EVENT, _FORM):
            oid, name = _NAMED[_LEVELS[level]]
            definitions.tell_name(child, _LEVELS[level], oid, name)
            below.update({name: child[name]} if level == _EVENT and name in child else {})
        _share(child, level + 1, below, definitions)
        if level == 1:
            _share(child, _FORM, below, definitions)


def _own(child: dict[str, Any], level: int) -> dict[str, str]:
    own = {name: child[name] for name in _SHARED[level] if name in child}
    for site in children(child, "SiteRef")[:1] if level == 1 else ():
        own["SiteOID"] = site.get("LocationOID", "")
    if child.get("TransactionType") == "Remove":
        own["TransactionType"] = "Remove"
    return own


def _untype(group: dict[str, Any]) -> None:
    typed = [name for name in group if name.startswith("ItemData") and name != "ItemData"]
    for name in typed:
        items = children(group, name)
        for item in items:
            if "text" in item:
                item.setdefault("Value", item["text"].strip())
        untyped = group.setdefault("ItemData", [])
        if isinstance(untyped, list):
            untyped.extend(items)
