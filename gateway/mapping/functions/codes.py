"""Codes: concept maps, and CodeableConcepts of what vendors send (texts, HL7 CWE, DICOM code items, codings)."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from gateway.mapping.functions.arguments import argument
from gateway.mapping.plan import Table
from gateway.mapping.scope import report
from gateway.mapping.tables import targets_of

# https://terminology.hl7.org/3.1.0/CodeSystem-v2-0396.html and DICOM PS3.16 section 8; tables HL7nnnn are computed.
_SYSTEMS = {
    "LN": "http://loinc.org",
    "SCT": "http://snomed.info/sct",
    "SNM3": "http://snomed.info/sct",
    "SRT": "http://snomed.info/srt",
    "UCUM": "http://unitsofmeasure.org",
    "MDC": "urn:iso:std:iso:11073:10101",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "UMLS": "http://terminology.hl7.org/CodeSystem/umls",
    "NCIt": "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl",
    "RADLEX": "http://www.radlex.org",
    "FMA": "http://purl.org/sig/ont/fma",
    "RXNORM": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "I10": "http://hl7.org/fhir/sid/icd-10",
    "I10C": "http://hl7.org/fhir/sid/icd-10-cm",
    "I9C": "http://hl7.org/fhir/sid/icd-9-cm",
    "CVX": "http://hl7.org/fhir/sid/cvx",
    "NDC": "http://hl7.org/fhir/sid/ndc",
}
# The names of code, system and display in an HL7 CWE, a coding, a DICOM code item; and what else tells it: an HL7 CWE
# may have its alternate code, or the original text, alone.
_SHAPES = (
    (("c1", "c3", "c2"), ("c4", "c5", "c9")),
    (("code", "system", "display"), ()),
    (("CodeValue", "CodingSchemeDesignator", "CodeMeaning"), ("LongCodeValue", "URNCodeValue")),
)
_URN = "urn:ietf:rfc:3986"
_NO_FOCUS: list[Any] = []
_Coding = Mapping[str, Any]


def system_uri(name: str | None, local: str | None) -> str | None:
    """The URI of a coding system as HL7 v2 and DICOM name it; `local` for a name that is not known, None for none."""
    if not name:
        return local
    if "://" in name or name.startswith("urn:"):
        return name
    if name in _SYSTEMS:
        return _SYSTEMS[name]
    if name.startswith("HL7") and name[3:].isdigit():
        return f"http://terminology.hl7.org/CodeSystem/v2-{name[3:]}"
    return local


def _coding(code: Any, system: str | None, display: Any, local: str | None) -> dict[str, Any] | None:
    if not code and not display:
        return None
    made: dict[str, Any] = {}
    uri = system_uri(system, local)
    if code and uri:
        made["system"] = uri
    if code:
        made["code"] = code
    if display:
        made["display"] = display
    return made if code else None


def _read(value: Any, local: str | None) -> tuple[list[dict[str, Any]], str | None] | None:
    """The codings and the text of a coded value; None when it is no coded value."""
    if isinstance(value, str):
        made = _coding(value, None, None, local)
        return ([made] if made else [], None)
    if not isinstance(value, dict):
        return None
    if "coding" in value:
        return list(value["coding"]), value.get("text")
    for names, others in _SHAPES:
        if any(isinstance(value.get(name), str) for name in (*names, *others)):
            code, system, display = (value.get(name) for name in names)
            if names[0] == "CodeValue":
                code = code or value.get("LongCodeValue")
                system = system or (None if code else _URN)  # a code that is a URN needs no scheme
                code = code or value.get("URNCodeValue")
                local = f"urn:dicom:coding-scheme:{quote(system)}" if system and local is None else local
            codings = [_coding(code, system, display, local)]
            if names[0] == "c1":
                codings.append(_coding(value.get("c4"), value.get("c6"), value.get("c5"), None))
            found = [coding for coding in codings if coding]
            text = value.get("c9") or value.get("text") or (None if code else display)
            return found, text if found or text else value.get("c5")
    return None


def _targets(table: Table, coding: _Coding) -> tuple[_Coding, ...]:
    return targets_of(table, coding.get("code", ""), coding.get("system", ""))


def _unmapped(table: Table) -> None:
    report("mapping.code-unmapped", map=table.name)


def code_functions(tables: Mapping[str, Table]) -> dict[str, tuple[int, int, Callable[..., list[Any]]]]:
    """`translate`, `coding` and `codeable` over the concept maps of one mapping."""

    def translate(focus: list[Any], name: list[Any], default: list[Any] = _NO_FOCUS) -> list[Any]:
        table = tables[name[0]]
        results: list[Any] = []
        for value in focus:
            if isinstance(value, dict):
                results += concepts(value, table, None)
                continue
            found = _targets(table, {"code": str(value)})
            if found:
                results += [target["code"] for target in found]
            elif default:
                results += default
            else:
                _unmapped(table)
        return results

    def coding(focus: list[Any], name: list[Any]) -> list[Any]:
        table = tables[name[0]]
        results: list[Any] = []
        for value in focus:
            read = _read(value if isinstance(value, dict) else str(value), None)
            found = [target for source in (read[0] if read else ()) for target in _targets(table, source)]
            if not found:
                _unmapped(table)
            results += found
        return results

    def codeable(focus: list[Any], name: list[Any] = _NO_FOCUS, local: list[Any] = _NO_FOCUS) -> list[Any]:
        table = tables[name[0]] if name and name[0] else None
        system = argument(local, "codeable()")
        return [made for value in focus for made in concepts(value, table, system)]

    return {"translate": (1, 2, translate), "coding": (1, 1, coding), "codeable": (0, 2, codeable)}


def concepts(value: Any, table: Table | None, local: str | None) -> list[dict[str, Any]]:
    """The CodeableConcept of a coded value, target codings first; nothing for an empty one."""
    read = _read(value, local)
    if read is None:
        report("mapping.wrong-value", what="codeable()")
        return []
    codings, text = read
    if not codings and not text:
        return []
    if table is not None:
        known = {(coding.get("system"), coding.get("code")) for coding in codings}
        found = [target for coding in codings for target in _targets(table, coding)]
        added = [target for target in found if (target.get("system"), target.get("code")) not in known]
        if not found:
            _unmapped(table)
        codings = [*(dict(target) for target in added), *codings]
    made: dict[str, Any] = {"coding": codings} if codings else {}
    if text:
        made["text"] = text
    return [made]
