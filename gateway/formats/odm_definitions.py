"""What the metadata of an ODM file say of its data, looked up once: names of events and forms, questions, units.

Data are of the `MetaDataVersion` that their `StudyOID` and `MetaDataVersionOID` name; of a file with a single one
they are of that one, whatever they name. Of several translations the first counts.
"""

from dataclasses import dataclass, field
from typing import Any

from gateway.formats.xml_tree import children

_Version = dict[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Definitions:
    """Names and questions by version of the metadata, units by their OID."""

    versions: dict[tuple[str, str], _Version] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)

    def tell_name(self, element: dict[str, Any], kind: str, oid: str, name: str) -> None:
        """Gives an event or form its name, where the metadata have one."""
        found = self._of(element).get((kind, element.get(oid, "")))
        if found:
            element.setdefault(name, found)

    def tell_items(self, group: dict[str, Any]) -> None:
        """Gives the items of a group their questions and units."""
        version = self._of(group)
        for item in children(group, "ItemData"):
            question = version.get(("ItemData", item.get("ItemOID", "")))
            if question:
                item.setdefault("Question", question)
            for unit in children(item, "MeasurementUnitRef")[:1]:
                oid = unit.get("MeasurementUnitOID", "")
                item.setdefault("Unit", self.units.get(oid, oid))

    def _of(self, element: dict[str, Any]) -> _Version:
        if len(self.versions) == 1:
            return next(iter(self.versions.values()))
        return self.versions.get((element.get("StudyOID", ""), element.get("MetaDataVersionOID", "")), {})


def definitions_of(root: dict[str, Any]) -> Definitions:
    """The definitions in an ODM element."""
    made = Definitions()
    for study in children(root, "Study"):
        for version in children(study, "MetaDataVersion"):
            made.versions[study.get("OID", ""), version.get("OID", "")] = _version(version)
        for basic in children(study, "BasicDefinitions"):
            for unit in children(basic, "MeasurementUnit"):
                name = _translated(children(unit, "Symbol")) or unit.get("Name", "")
                made.units.setdefault(unit.get("OID", ""), name or unit.get("OID", ""))
    return made


def _version(version: dict[str, Any]) -> _Version:
    found: _Version = {}
    for kind, elements in (("StudyEventData", ("StudyEventDef",)), ("FormData", ("FormDef", "ItemGroupDef"))):
        for name in elements:
            for one in children(version, name):
                found.setdefault((kind, one.get("OID", "")), one.get("Name", ""))
    for item in children(version, "ItemDef"):
        found.setdefault(("ItemData", item.get("OID", "")), _translated(children(item, "Question")))
    return found


def _translated(elements: list[dict[str, Any]]) -> str:
    texts = (text.get("text", "").strip() for element in elements for text in children(element, "TranslatedText"))
    return next((text for text in texts if text), "")
