"""What the datasets of a study are, as Define-XML 2.1: https://www.cdisc.org/standards/data-exchange/define-xml.

It names each dataset, its variables, their keys, and the controlled terms that the study's maps lead to.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from gateway.core.instants import format_instant
from gateway.core.types import Resource
from gateway.export.cdisc.dataset_json import Dataset, group_oid, item_oid, study_oid, version_oid
from gateway.export.cdisc.domain import Variable

STANDARD: Final = ("STD.SDTMIG", "SDTMIG", "IG", "3.4")
_TYPES: Final = {"string": "text", "integer": "integer", "float": "float"}
_DERIVED: Final = frozenset(("day", "translate", "convert"))
_ASSIGNED: Final = frozenset(("value", "constant", "participant"))


def define_xml(
    study: str, title: str, at: datetime, datasets: Sequence[Dataset], maps: Mapping[str, Resource]
) -> bytes:
    """The document for the datasets written; `maps` are the ConceptMaps by url that their variables use."""
    from odmlib.define_2_1 import model

    version = model.MetaDataVersion(
        OID=version_oid(study), Name=f"SDTM of {study}", Description=title, DefineVersion="2.1.5"
    )
    oid, name, kind, number = STANDARD
    standard = model.Standard(OID=oid, Name=name, Type=kind, Version=number, Status="Final")
    version.Standards = model.Standards(Standard=[standard])
    lists: dict[str, Any] = {}
    for dataset in datasets:
        version.ItemGroupDef.append(_group(model, dataset))
        version.ItemDef += [_item(model, dataset, one, maps, lists) for one in dataset.variables]
    version.CodeList += list(lists.values())
    known = model.GlobalVariables(
        StudyName=model.StudyName(_content=study),
        StudyDescription=model.StudyDescription(_content=title),
        ProtocolName=model.ProtocolName(_content=study),
    )
    document = model.ODM(
        FileOID=f"urn:trial-fhir-gateway:{study}:define",
        FileType="Snapshot",
        CreationDateTime=format_instant(at),
        ODMVersion="1.3.2",
        Originator="trial-fhir-gateway",
        Context="Other",
        Study=model.Study(OID=study_oid(study), GlobalVariables=known, MetaDataVersion=version),
    )
    text: str = document.to_xml_string(xml_declaration=True)
    return text.encode()


def _described(model: Any, text: str) -> Any:
    return model.Description(TranslatedText=[model.TranslatedText(_content=text, lang="en")])


def _group(model: Any, dataset: Dataset) -> Any:
    file = f"{dataset.name.lower()}.json"
    leaf = f"LF.{dataset.name}"
    references = [
        model.ItemRef(
            ItemOID=item_oid(dataset, one),
            Mandatory="Yes" if one.required or one.key else "No",
            OrderNumber=number,
            **({"KeySequence": one.key} if one.key else {}),
        )
        for number, one in enumerate(dataset.variables, 1)
    ]
    return model.ItemGroupDef(
        OID=group_oid(dataset),
        Name=dataset.name,
        Repeating="No" if dataset.name == "DM" else "Yes",
        IsReferenceData="No",
        SASDatasetName=dataset.name,
        Domain=dataset.name.removeprefix("SUPP"),
        Purpose="Tabulation",
        Structure=dataset.structure or "One record per row",
        StandardOID=STANDARD[0],
        ArchiveLocationID=leaf,
        Description=_described(model, dataset.label),
        ItemRef=references,
        Class=model.Class(Name=dataset.observation_class or "FINDINGS"),
        leaf=model.leaf(ID=leaf, href=file, title=model.title(_content=file)),
    )


def _item(model: Any, dataset: Dataset, one: Variable, maps: Mapping[str, Resource], lists: dict[str, Any]) -> Any:
    terms = _code_list(model, one, maps, lists)
    origin = "Derived" if one.rule in _DERIVED else "Assigned" if one.rule in _ASSIGNED else "Collected"
    return model.ItemDef(
        OID=item_oid(dataset, one),
        Name=one.name,
        SASFieldName=one.name,
        DataType=_TYPES[one.kind],
        **({"Length": one.length} if one.kind != "float" else {}),
        Description=_described(model, one.label),
        Origin=[model.Origin(Type=origin)],
        **({"CodeListRef": model.CodeListRef(CodeListOID=terms)} if terms else {}),
    )


def _code_list(model: Any, one: Variable, maps: Mapping[str, Resource], lists: dict[str, Any]) -> str:
    """The OID of the list of terms that a variable's map leads to, "" where it has none."""
    found = maps.get(one.argument["map"]) if one.rule == "translate" else None
    if found is None or one.argument.get("display"):
        return ""
    oid = f"CL.{found.get('id', one.name)}"
    if oid not in lists:
        terms = dict(sorted(_targets(found)))
        items = [
            model.CodeListItem(
                CodedValue=code, Decode=model.Decode(TranslatedText=[model.TranslatedText(_content=text, lang="en")])
            )
            for code, text in terms.items()
        ]
        lists[oid] = model.CodeList(
            OID=oid,
            Name=str(found.get("title", found.get("id", oid))),
            DataType="text",
            IsNonStandard="Yes",
            CodeListItem=items,
        )
    return oid


def _targets(concept_map: Resource) -> Iterable[tuple[str, str]]:
    for group in concept_map.get("group", ()):
        for element in group.get("element", ()):
            for target in element.get("target", ()):
                if "code" in target:
                    yield target["code"], target.get("display", target["code"])
