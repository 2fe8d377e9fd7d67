"""Answers to questionnaires as clinical data of CDISC ODM 1.3.2: a form of each QuestionnaireResponse.

See https://www.cdisc.org/standards/data-exchange/odm-xml. The elements are made with odmlib (extra `cdisc`), one
participant at a time, so that the document is never held as a whole: the data go to a file of their own first, the
definitions of what they hold before them then.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO, Any, Final
from xml.sax.saxutils import quoteattr

from gateway.access import Door
from gateway.core.codec import loads_stored
from gateway.core.errors import BadRequest
from gateway.core.instants import format_instant
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.export.bulk.plan import of_patients
from gateway.export.cdisc.dataset_json import study_oid
from gateway.export.cdisc.forms import AUTHORED, EVENT, VERSION, Forms, admin_element, study_element
from gateway.export.cdisc.participants import Participant
from gateway.export.cdisc.values import local_date_time
from gateway.export.files import whole_file
from gateway.search import Parameters, Query

_KIND: Final = "QuestionnaireResponse"
_NAMESPACE: Final = "http://www.cdisc.org/ns/odm/v1.3"


def write_clinical_data(
    path: Path,
    door: Door,
    participants: Sequence[Participant],
    parameters: Parameters,
    study: str,
    at: datetime,
    *,
    title: str = "",
    questionnaires: Sequence[Resource] = (),
) -> int:
    """Writes an ODM file with the visible answers of each participant and the definitions of their forms, in the
    words of `questionnaires`; how many forms there are.

    Raises `BadRequest` (`export.table-extra`) without odmlib, `Forbidden` beyond the reader's scopes.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        from odmlib.odm_1_3_2 import model
    except ModuleNotFoundError as missing:
        raise BadRequest(issue("export.table-extra", name=missing.name)) from None
    forms, oid = Forms(), study_oid(study)
    with TemporaryFile("w+", encoding="utf-8", dir=path.parent) as data, whole_file(path) as part:
        written = [_subject(model, data, one, _answers(door, one, parameters), forms) for one in participants]
        for found in questionnaires:
            forms.describe(_name(str(found.get("url", ""))), found)
        sites = {one.site for one, count in zip(participants, written, strict=True) if count and one.site}
        with part.open("w", encoding="utf-8") as file:
            file.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<ODM {_attributes(study, at)}>\n')
            file.write(study_element(model, forms, oid, title or study).to_xml_string() + "\n")
            if sites:
                file.write(admin_element(model, oid, sites, at.date().isoformat()).to_xml_string() + "\n")
            file.write(f"<ClinicalData StudyOID={quoteattr(oid)} MetaDataVersionOID={quoteattr(VERSION)}>\n")
            data.seek(0)
            copyfileobj(data, file)
            file.write("</ClinicalData>\n</ODM>\n")
    return sum(written)


def _attributes(study: str, at: datetime) -> str:
    """Those of the document's root."""
    told = {
        "xmlns": _NAMESPACE,
        "FileType": "Snapshot",
        "FileOID": f"urn:trial-fhir-gateway:{study}:odm",
        "CreationDateTime": format_instant(at),
        "ODMVersion": "1.3.2",
        "Originator": "trial-fhir-gateway",
    }
    return " ".join(f"{name}={quoteattr(value)}" for name, value in told.items())


def _subject(model: Any, file: IO[str], participant: Participant, responses: Sequence[Resource], forms: Forms) -> int:
    """Writes the forms of one participant, and notes what they are of; how many there are."""
    made = [_form(model, one, participant, forms) for one in responses]
    if made:
        event = model.StudyEventData(StudyEventOID=EVENT, StudyEventRepeatKey="1", FormData=_numbered(made))
        subject = model.SubjectData(SubjectKey=participant.id, StudyEventData=[event])
        if participant.site:
            subject.SiteRef = model.SiteRef(LocationOID=f"LOC.{participant.site}")
        file.write(subject.to_xml_string() + "\n")
    return len(made)


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


def _name(canonical: str) -> str:
    return canonical.split("|")[0].rsplit(":", 1)[-1].rsplit("/", 1)[-1] or "unknown"


def _form(model: Any, response: Resource, participant: Participant, forms: Forms) -> Any:
    name = _name(str(response.get("questionnaire", "")))
    form = forms.form(name)
    authored = local_date_time(str(response.get("authored", "")), participant.zone)
    groups: list[list[Any]] = [[]]
    if authored:
        form.item(AUTHORED).types.add("dateTime")
        groups[0].append(model.ItemData(ItemOID=f"IT.{name}.{AUTHORED}", Value=authored))
    for link, text, values in _leaves(response):
        item = form.item(link)
        item.text = item.text or text
        for place, (kind, value) in enumerate(values):
            item.types.add(kind)
            item.length = max(item.length, len(value))
            if place == len(groups):
                groups.append([])
            groups[place].append(model.ItemData(ItemOID=f"IT.{name}.{link}", Value=value))
    form.repeats |= len(groups) > 1
    data = [
        model.ItemGroupData(ItemGroupOID=f"IG.{name}", ItemGroupRepeatKey=str(number), ItemData=items)
        for number, items in enumerate(groups, 1)
    ]
    return model.FormData(FormOID=f"F.{name}", ItemGroupData=data)


def _leaves(tree: Mapping[str, Any]) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """The link of each item with answers, its words, and the answers as type and text; items below items and below
    answers too."""
    for item in tree.get("item", ()):
        answers = item.get("answer", ())
        values = [found for answer in answers if (found := _text(answer)) is not None]
        if values:
            yield str(item.get("linkId", "")), str(item.get("text", "")), values
        for answer in answers:
            yield from _leaves(answer)
        yield from _leaves(item)


def _text(answer: Mapping[str, Any]) -> tuple[str, str] | None:
    """The type of an answer, `Quantity` only for a number, and the answer as text."""
    for key, value in answer.items():
        if not key.startswith("value"):
            continue
        kind = key.removeprefix("value")
        if isinstance(value, bool):
            return "boolean", "true" if value else "false"
        if isinstance(value, dict):
            found = value.get("value") if kind == "Quantity" else value.get("code", value.get("reference"))
            return None if found is None else (kind, str(found))
        return kind[:1].lower() + kind[1:], str(value)
    return None
