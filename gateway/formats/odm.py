"""CDISC ODM-XML (1.2, 1.3, 2.0; REDCap project XML and Dataset-XML are of this family).

The tree is the `ODM` element. An element is a dict: attributes by local name, child elements by local name (always a
list, in document order), text that is not blank as `text`. So an item of a form is

    ClinicalData.SubjectData.StudyEventData.FormData.ItemGroupData.ItemData.where(ItemOID = 'IT.DYSPNOEA').Value

Shared for reading, since an expression cannot look upwards: subjects, events, forms and item groups have also the
keys of what they are in (`StudyOID`, `MetaDataVersionOID`, `SubjectKey`, Rave's `SubjectName`, `SiteOID`,
`StudyEventOID`, `StudyEventRepeatKey`, `FormOID`, `FormRepeatKey`), when their event was (`StartDate`, `EndDate`,
`InstanceDate`), its `TransactionType` where they have none (or where it is `Remove`), and what the metadata of the
same file say of them: `StudyEventName`, `FormName` (else Rave's names of them), of items `Question`, `Variable`
(`SDSVarName` or `Name`), the `Unit` that their `MeasurementUnitRef` means, `Decode` and `CodeListOID` of a coded
value (`odm_definitions`). In a snapshot no transaction but `Remove` counts, the others are left out. Typed items
(`ItemDataInteger`, `ItemDataDatetime` ...) are in `ItemData` too, their text as `Value`. Projects of REDCap without
events have forms right below `SubjectData`. Version 2.0 has item groups in item groups and no forms: its outermost
ones are read as `FormData` (`odm_forms`). A form in pieces is made whole (`odm_merging`). Values stay text.
Positions are XPaths, `/ODM/ClinicalData[1]/SubjectData[2]/@SubjectKey`.

Document type definitions, entities and external references are refused; depth and the number of elements are
limited. There are no options. See https://www.cdisc.org/standards/data-exchange/odm.
"""

from typing import Any

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import Decoded, Options, Pointer
from gateway.formats.odm_definitions import Definitions, definitions_of
from gateway.formats.odm_forms import Moved, forms_of_groups
from gateway.formats.odm_merging import merge_forms, name_events
from gateway.formats.xml_tree import children, read_xml

NAMESPACES = tuple(f"http://www.cdisc.org/ns/odm/v{version}" for version in ("1.2", "1.3", "2.0"))

_LEVELS = ("ClinicalData", "SubjectData", "StudyEventData", "FormData", "ItemGroupData")
_SHARED = (
    ("StudyOID", "MetaDataVersionOID"),
    ("SubjectKey", "SubjectName"),
    ("StudyEventOID", "StudyEventRepeatKey", "StartDate", "EndDate", "InstanceDate"),
    ("FormOID", "FormRepeatKey"),
    (),
)
_SUBJECT, _EVENT, _FORM = (_LEVELS.index(name) for name in ("SubjectData", "StudyEventData", "FormData"))
_NAMED = {
    "StudyEventData": ("StudyEventOID", "StudyEventName", "InstanceName"),
    "FormData": ("FormOID", "FormName", "DataPageName"),
}


def decode_odm(data: bytes, options: Options) -> Decoded:
    """The tree of an ODM document; raises `BadRequest` with a `format.xml-*` or `format.odm-*` rule."""
    document = read_xml(data)
    if document.name != "ODM" or document.namespace not in NAMESPACES:
        raise BadRequest(issue("format.odm-root"))
    moved: Moved = forms_of_groups(document.element) if document.namespace == NAMESPACES[-1] else {}
    known = {"FileType": "Snapshot"} if document.element.get("FileType") == "Snapshot" else {}
    _share(document.element, 0, known, definitions_of(document.element))
    name_events(document.element)
    tree, moved_again = merge_forms(document.element)

    def locate(pointer: Pointer) -> str:
        return document.locate(_place(_place(pointer, moved_again), moved))

    return Decoded(tree, locate if moved or moved_again else document.locate)


def _place(pointer: Pointer, moved: Moved) -> Pointer:
    """Where in the document stands what the tree has at `pointer`."""
    for length in range(len(pointer), 0, -1):
        if pointer[:length] in moved:
            return (*moved[pointer[:length]], *pointer[length:])
    return pointer


def _share(element: dict[str, Any], level: int, known: dict[str, str], definitions: Definitions) -> None:
    """Gives the elements below the keys of those above, and typed items the form of untyped ones."""
    for child in children(element, _LEVELS[level]):
        _keep_transaction(child, known)
        if level >= _SUBJECT:
            for name, value in known.items():
                if name != "FileType":
                    child.setdefault(name, value)
        below = {**known, **_own(child, level)}
        if level + 1 == len(_LEVELS):
            _untype(child)
            for item in children(child, "ItemData"):
                _keep_transaction(item, known)
            definitions.tell_items(child)
            continue
        if level in (_EVENT, _FORM):
            oid, name, rave = _NAMED[_LEVELS[level]]
            definitions.tell_name(child, _LEVELS[level], oid, name)
            if isinstance(child.get(rave), str) and child[rave].strip():
                child.setdefault(name, child[rave].strip())
            below.update({name: child[name]} if level == _EVENT and name in child else {})
        _share(child, level + 1, below, definitions)
        if level == _SUBJECT:
            _share(child, _FORM, below, definitions)


def _own(child: dict[str, Any], level: int) -> dict[str, str]:
    own = {name: child[name] for name in _SHARED[level] if name in child}
    for site in children(child, "SiteRef")[:1] if level == _SUBJECT else ():
        own["SiteOID"] = site.get("LocationOID", "")
    if isinstance(child.get("TransactionType"), str):
        own["TransactionType"] = child["TransactionType"]
    return own


def _keep_transaction(element: dict[str, Any], known: dict[str, str]) -> None:
    """Removes what is removed above, and takes transactions that a snapshot cannot have from an element."""
    if known.get("TransactionType") == "Remove":
        element["TransactionType"] = "Remove"
    elif known.get("FileType") == "Snapshot" and element.get("TransactionType") != "Remove":
        element.pop("TransactionType", None)


def _untype(group: dict[str, Any]) -> None:
    typed = [name for name in group if name.startswith("ItemData")]
    for name in sorted(typed, key="ItemData".__ne__):
        items = children(group, name)
        for item in items:
            if "text" in item:
                item.setdefault("Value", item["text"].strip())
        untyped = group.setdefault("ItemData", [])
        if isinstance(untyped, list) and name != "ItemData":
            untyped.extend(items)
