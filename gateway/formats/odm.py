"""CDISC ODM-XML (1.2, 1.3, 2.0; REDCap project XML and Dataset-XML are of this family).

The tree is the `ODM` element. An element is a dict: attributes by local name, child elements by local name (always a
list, in document order), text that is not blank as `text`. So an item of a form is

    ClinicalData.SubjectData.StudyEventData.FormData.ItemGroupData.ItemData.where(ItemOID = 'IT.DYSPNOEA').Value

Shared for reading, since an expression cannot look upwards: events, forms and item groups have also
the keys of what they are in (`StudyOID`, `MetaDataVersionOID`, `SubjectKey`, Rave's `SubjectName`, `SiteOID`,
`StudyEventOID`, `StudyEventRepeatKey`, `FormOID`, `FormRepeatKey`), and typed items (`ItemDataInteger`,
`ItemDataDatetime` ...) are in `ItemData` too, their text as `Value`. Projects of REDCap without events have forms
right below `SubjectData`. Values stay text. Positions are XPaths,
`/ODM/ClinicalData[1]/SubjectData[2]/@SubjectKey`.

Document type definitions, entities and external references are refused; depth and the number of elements are
limited. There are no options. See https://www.cdisc.org/standards/data-exchange/odm.
"""

from typing import Any

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import Decoded, Options
from gateway.formats.xml_tree import read_xml

NAMESPACES = tuple(f"http://www.cdisc.org/ns/odm/v{version}" for version in ("1.2", "1.3", "2.0"))

_LEVELS = ("ClinicalData", "SubjectData", "StudyEventData", "FormData", "ItemGroupData")
_SHARED = (
    ("StudyOID", "MetaDataVersionOID"),
    ("SubjectKey", "SubjectName"),
    ("StudyEventOID", "StudyEventRepeatKey"),
    ("FormOID", "FormRepeatKey"),
    (),
)
_SHARES_FROM = _LEVELS.index("StudyEventData")


def decode_odm(data: bytes, options: Options) -> Decoded:
    """The tree of an ODM document; raises `BadRequest` with a `format.xml-*` or `format.odm-*` rule."""
    document = read_xml(data)
    if document.name != "ODM" or document.namespace not in NAMESPACES:
        raise BadRequest(issue("format.odm-root"))
    _share(document.element, 0, {})
    return Decoded(document.element, document.locate)


def _share(element: dict[str, Any], level: int, known: dict[str, str]) -> None:
    """Gives the elements below the keys of those above, and typed items the form of untyped ones."""
    for child in element.get(_LEVELS[level], ()):
        own = {name: child[name] for name in _SHARED[level] if name in child}
        site = child.get("SiteRef")
        if level == 1 and site:
            own["SiteOID"] = site[0].get("LocationOID", "")
        if level >= _SHARES_FROM:
            for name, value in known.items():
                child.setdefault(name, value)
        below = {**known, **own}
        if level + 1 == len(_LEVELS):
            _untype(child)
            continue
        _share(child, level + 1, below)
        if level == 1:
            _share(child, _LEVELS.index("FormData"), below)


def _untype(group: dict[str, Any]) -> None:
    typed = [name for name in group if name.startswith("ItemData") and name != "ItemData"]
    for name in typed:
        for item in group[name]:
            if isinstance(item, dict) and "text" in item:
                item.setdefault("Value", item["text"].strip())
        group.setdefault("ItemData", []).extend(group[name])
