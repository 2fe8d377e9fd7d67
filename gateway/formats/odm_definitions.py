"""What the metadata of an ODM file say of its data, looked up once: names, questions, units, decoded codes.

Data are of the `MetaDataVersion` that their `StudyOID` and `MetaDataVersionOID` name; of a file with a single one
they are of that one, whatever they name. A version that includes another has its definitions too, beside and behind
its own. Of several translations the first counts. An item without a unit of its own is in the one that its definition
names, if it names one only.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gateway.formats.xml_tree import children

_VersionKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Item:
    """What an `ItemDef` says: "" and no codes for nothing. `unit` is an OID, `codes` are texts by coded value."""

    question: str = ""
    variable: str = ""
    unit: str = ""
    code_list: str = ""
    codes: dict[str, str] = field(default_factory=dict)


_EMPTY_ITEM = Item()


@dataclass(frozen=True, slots=True)
class Version:
    """The names of events and forms by kind and OID, and the items by OID, of a version of the metadata."""

    names: dict[tuple[str, str], str] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Definitions:
    """The versions of the metadata, and units by their OID."""

    versions: dict[_VersionKey, Version] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)

    def tell_name(self, element: dict[str, Any], kind: str, oid: str, name: str) -> None:
        """Gives an event or form its name, where the metadata have one."""
        found = self._of(element).names.get((kind, element.get(oid, "")))
        if found:
            element.setdefault(name, found)

    def tell_items(self, group: dict[str, Any]) -> None:
        """Gives the items of a group their questions, variables, units and decoded codes."""
        version = self._of(group)
        for item in children(group, "ItemData"):
            known = version.items.get(item.get("ItemOID", ""), _EMPTY_ITEM)
            if known.question:
                item.setdefault("Question", known.question)
            if known.variable:
                item.setdefault("Variable", known.variable)
            unit = _own_unit(item) or known.unit
            if unit:
                item.setdefault("Unit", self.units.get(unit, unit))
            value = item.get("Value")
            if isinstance(value, str) and value.strip() in known.codes:
                item.setdefault("Decode", known.codes[value.strip()])
                item.setdefault("CodeListOID", known.code_list)

    def _of(self, element: dict[str, Any]) -> Version:
        if len(self.versions) == 1:
            return next(iter(self.versions.values()))
        named = (element.get("StudyOID", ""), element.get("MetaDataVersionOID", ""))
        return self.versions.get(named) or Version()


def definitions_of(root: dict[str, Any]) -> Definitions:
    """The definitions in an ODM element."""
    made = Definitions()
    included: dict[_VersionKey, _VersionKey] = {}
    for study in children(root, "Study"):
        for version in children(study, "MetaDataVersion"):
            key = (study.get("OID", ""), version.get("OID", ""))
            made.versions[key] = _version(version)
            for include in children(version, "Include")[:1]:
                included[key] = (include.get("StudyOID", key[0]), include.get("MetaDataVersionOID", ""))
        for basic in children(study, "BasicDefinitions"):
            for unit in children(basic, "MeasurementUnit"):
                name = _translated(children(unit, "Symbol")) or unit.get("Name", "")
                made.units.setdefault(unit.get("OID", ""), name or unit.get("OID", ""))
    own = dict(made.versions)
    made.versions.update({key: _with_included(key, own, included) for key in included})
    return made


def _with_included(
    key: _VersionKey, own: dict[_VersionKey, Version], included: dict[_VersionKey, _VersionKey]
) -> Version:
    """A version with the definitions of those that it includes, one after the other; its own come first."""
    made, seen = Version(), set()
    at: _VersionKey | None = key
    while at is not None and at in own and at not in seen:
        seen.add(at)
        for name, said in own[at].names.items():
            made.names.setdefault(name, said)
        for oid, item in own[at].items.items():
            made.items.setdefault(oid, item)
        at = included.get(at)
    return made


def _version(version: dict[str, Any]) -> Version:
    found = Version()
    for kind, elements in (("StudyEventData", ("StudyEventDef",)), ("FormData", ("FormDef", "ItemGroupDef"))):
        for name in elements:
            for one in children(version, name):
                found.names.setdefault((kind, one.get("OID", "")), one.get("Name", ""))
    lists = {one.get("OID", ""): _codes(children(one, "CodeListItem")) for one in children(version, "CodeList")}
    for item in children(version, "ItemDef"):
        units = [unit.get("MeasurementUnitOID", "") for unit in children(item, "MeasurementUnitRef")]
        code_list = next((one.get("CodeListOID", "") for one in children(item, "CodeListRef")), "")
        found.items.setdefault(
            item.get("OID", ""),
            Item(
                question=_translated(children(item, "Question")),
                variable=item.get("SDSVarName") or item.get("Name", ""),
                unit=units[0] if len(units) == 1 else "",
                code_list=code_list,
                codes=lists.get(code_list, {}),
            ),
        )
    return found


def _codes(items: Iterable[dict[str, Any]]) -> dict[str, str]:
    """The texts by coded value; those that FHIR could not write as codes are left out."""
    texts = {item.get("CodedValue", "").strip(): _translated(children(item, "Decode")) for item in items}
    return {code: text for code, text in texts.items() if text and code and " ".join(code.split()) == code}


def _own_unit(item: dict[str, Any]) -> str:
    """The OID of the unit that an item names itself: in an element, or of a typed item in an attribute."""
    named = (unit.get("MeasurementUnitOID", "") for unit in children(item, "MeasurementUnitRef"))
    attribute = item.get("MeasurementUnitOID", "")
    return next(named, "") or (attribute if isinstance(attribute, str) else "")


def _translated(elements: list[dict[str, Any]]) -> str:
    texts = (text.get("text", "").strip() for element in elements for text in children(element, "TranslatedText"))
    return next((text for text in texts if text), "")
