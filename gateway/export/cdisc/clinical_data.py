"""Answers to questionnaires as clinical data of CDISC ODM 1.3.2: a form of each QuestionnaireResponse.

See https://www.cdisc.org/standards/data-exchange/odm-xml. The elements are made with odmlib (extra `cdisc`), one
participant at a time, so that the document is never held as a whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from gateway.access import Door
from gateway.core.codec import loads_stored
from gateway.core.errors import BadRequest
from gateway.core.instants import format_instant
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.export.bulk.plan import of_patients
from gateway.export.cdisc.dataset_json import study_oid
from gateway.export.cdisc.participants import Participant
from gateway.export.cdisc.values import local_date_time
from gateway.export.files import whole_file
from gateway.search import Parameters, Query

VERSION: Final = "MDV.1"
EVENT: Final = "SE.COMMON"
_KIND: Final = "QuestionnaireResponse"
_NAMESPACE: Final = "http://www.cdisc.org/ns/odm/v1.3"


def write_clinical_data(
    path: Path, door: Door, participants: Sequence[Participant], parameters: Parameters, study: str, at: datetime
) -> int:
    """Writes an ODM file with the visible answers of each participant; how many forms there are.

    Raises `BadRequest` (`export.table-extra`) without odmlib, `Forbidden` beyond the reader's scopes.
    """
    head = " ".join(
        f"{name}={quoteattr(value)}"
        for name, value in {
            "xmlns": _NAMESPACE,
            "FileType": "Snapshot",
            "FileOID": f"urn:trial-fhir-gateway:{study}:odm",
            "CreationDateTime": format_instant(at),
            "ODMVersion": "1.3.2",
            "Originator": "trial-fhir-gateway",
        }.items()
    )
    data = f"StudyOID={quoteattr(study_oid(study))} MetaDataVersionOID={quoteattr(VERSION)}"
    count = 0
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        from odmlib.odm_1_3_2 import model
    except ModuleNotFoundError as missing:
        raise BadRequest(issue("export.table-extra", name=missing.name)) from None
    with whole_file(path) as part, part.open("w", encoding="utf-8") as file:
        file.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<ODM {head}>\n<ClinicalData {data}>\n')
        for participant in participants:
            forms = [_form(model, one, participant) for one in _answers(door, participant, parameters)]
            if forms:
                event = model.StudyEventData(StudyEventOID=EVENT, StudyEventRepeatKey="1", FormData=_numbered(forms))
                subject = model.SubjectData(SubjectKey=participant.id, StudyEventData=[event])
                if participant.site:
                    subject.SiteRef = model.SiteRef(LocationOID=f"LOC.{participant.site}")
                file.write(subject.to_xml_string() + "\n")
                count += len(forms)
        file.write("</ClinicalData>\n</ODM>\n")
    return count


def _answers(door: Door, participant: Participant, parameters: Parameters) -> list[Resource]:
    clauses = of_patients(_KIND, [participant.patient], parameters)
    assert clauses is not None
    found = [loads_stored(stored.body) for stored in door.stream(Query(_KIND, clauses))]
    return sorted(found, key=lambda one: (str(one.get("questionnaire", "")), str(one.get("authored", ""))))


def _numbered(forms: Sequence[Any]) -> list[Any]:
    """The forms, told apart by a number that counts those of one kind."""
    counts: dict[str, int] = {}
    for form in forms:
        counts[form.FormOID] = counts.get(form.FormOID, 0) + 1
        form.FormRepeatKey = str(counts[form.FormOID])
    return list(forms)


def _form(model: Any, response: Resource, participant: Participant) -> Any:
    name = str(response.get("questionnaire", "")).split("|")[0].rsplit(":", 1)[-1].rsplit("/", 1)[-1] or "unknown"
    authored = local_date_time(str(response.get("authored", "")), participant.zone)
    groups: list[list[Any]] = [[]]
    if authored:
        groups[0].append(model.ItemData(ItemOID=f"IT.{name}.authored", Value=authored))
    for link, values in _leaves(response):
        for place, value in enumerate(values):
            if place == len(groups):
                groups.append([])
            groups[place].append(model.ItemData(ItemOID=f"IT.{name}.{link}", Value=value))
    data = [
        model.ItemGroupData(ItemGroupOID=f"IG.{name}", ItemGroupRepeatKey=str(number), ItemData=items)
        for number, items in enumerate(groups, 1)
    ]
    return model.FormData(FormOID=f"F.{name}", ItemGroupData=data)


def _leaves(tree: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The link of each item with answers, and they as texts; items below items and below answers too."""
    for item in tree.get("item", ()):
        answers = item.get("answer", ())
        values = [text for answer in answers if (text := _text(answer)) is not None]
        if values:
            yield str(item.get("linkId", "")), values
        for answer in answers:
            yield from _leaves(answer)
        yield from _leaves(item)


def _text(answer: Mapping[str, Any]) -> str | None:
    for key, value in answer.items():
        if key.startswith("value"):
            if isinstance(value, bool):
                return "true" if value else "false"
            if isinstance(value, dict):
                found = value.get("code", value.get("value", value.get("reference")))
                return None if found is None else str(found)
            return str(value)
    return None
