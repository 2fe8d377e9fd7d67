"""Rules of the area `format`: what a decoder refuses in a payload's text."""

from gateway.core.rules.rule import Rule

RULES: dict[str, Rule] = {
    "format.unknown": Rule("fatal", "not-supported", "The format {format} is not known", "Use one of: {known}"),
    "format.encoding": Rule(
        "fatal",
        "structure",
        "The text is not valid {encoding}",
        "Send UTF-8, or say the encoding: the charset of the Content-Type, --charset for files, MSH-18 in HL7 v2",
    ),
    "format.csv-header": Rule(
        "fatal",
        "structure",
        "The row of names does not name every column once",
        "Send a header row without empty or repeated names; where rows stand above it, say `header_row`",
    ),
    "format.csv-columns": Rule(
        "fatal",
        "structure",
        "A row has {found} cells where the header has {expected}: the file may be half-written",
        "Check that the file is whole and that cells with the delimiter are quoted, then send it again",
    ),
    "format.csv-quoting": Rule(
        "fatal",
        "structure",
        "A quote is misplaced or never closed: the file may be half-written",
        "Check that the file is whole, then send it again",
    ),
    "format.csv-unfinished": Rule(
        "fatal",
        "structure",
        "The last row has no line end: the file may be half-written",
        "End every row with a line end; send the whole file again",
    ),
    "format.csv-rows-limit": Rule("fatal", "too-long", "The file has more than {limit} rows", "Split the file"),
    "format.csv-columns-limit": Rule(
        "fatal", "too-long", "The header has more than {limit} columns", "Split the file"
    ),
    "format.hl7-no-msh": Rule(
        "fatal",
        "structure",
        "The text does not start with an MSH, BHS or FHS segment",
        "Send HL7 v2 in its vertical-bar form, starting with MSH",
    ),
    "format.hl7-no-message": Rule("fatal", "structure", "The batch holds no message", "Send at least one message"),
    "format.hl7-encoding-characters": Rule(
        "fatal",
        "structure",
        "A header segment does not define distinct separators",
        "Give the field separator and the encoding characters, usually |^~\\&",
    ),
    "format.hl7-segment": Rule(
        "fatal",
        "structure",
        "A line does not start with a segment name",
        "Start each segment on its own line; write line breaks in text as \\.br\\",
    ),
    "format.hl7-truncated": Rule(
        "fatal",
        "structure",
        "The closing {closing} is missing: the transmission may be cut",
        "Send the whole file again",
    ),
    "format.hl7-batch-count": Rule(
        "fatal",
        "structure",
        "BTS-1 differs from the number of messages in the batch",
        "Send the whole batch again",
    ),
    "format.hl7-limit": Rule(
        "fatal", "too-long", "The text has more than {limit} segments", "Send the messages in several payloads"
    ),
    "format.dicom-model": Rule(
        "fatal",
        "structure",
        "The document is not in the DICOM JSON model",
        "Send an array of data sets whose keys are 8-digit tags with vr and Value",
    ),
    "format.xml-not-whole": Rule(
        "fatal", "structure", "The text is not a whole XML document", "Check that the document is complete XML"
    ),
    "format.xml-unsafe": Rule(
        "fatal",
        "security",
        "The document has a document type definition or entities, which are not taken",
        "Send the document without DOCTYPE and entities",
    ),
    "format.xml-encoding": Rule(
        "fatal", "structure", "The document's encoding is not known", "Send the document in UTF-8"
    ),
    "format.xml-limit": Rule(
        "fatal",
        "too-long",
        "The document is deeper than {depth} levels or has more than {elements} elements",
        "Send the data in several documents",
    ),
    "format.odm-root": Rule(
        "fatal",
        "structure",
        "The root element is not ODM in a CDISC ODM namespace",
        "Send ODM-XML 1.2, 1.3 or 2.0",
    ),
    "format.xml-name-clash": Rule(
        "fatal", "structure", "{element} is both an attribute and an element", "Send XML that its schema accepts"
    ),
    "format.parts-encoding": Rule(
        "fatal", "not-supported", "A file of this encoding cannot be taken in parts", "Send the file in UTF-8"
    ),
    "format.record-too-large": Rule(
        "fatal", "too-long", "One record of the file has more than {limit} bytes", "Check that the file is whole"
    ),
    "format.fhir-resource": Rule(
        "fatal", "structure", "The document is not a FHIR resource", "Send a resource or a Bundle with resourceType"
    ),
    "format.dicom-file": Rule(
        "fatal", "structure", "The bytes are not a whole DICOM file", "Send a file with a Part 10 header"
    ),
    "format.dicom-cut": Rule(
        "fatal",
        "structure",
        "The DICOM file ends within an attribute: it was cut off",
        "Check that the file was transferred whole, then send it again",
    ),
    "format.dicom-depth": Rule(
        "fatal", "too-long", "The sequences are nested deeper than {limit} levels", "Check how the file was made"
    ),
    "format.redcap-records": Rule(
        "fatal",
        "structure",
        "The document is not a list of flat REDCap records",
        "Export records as type=flat, format=json or csv; an error object means that the export failed",
    ),
    "format.dataset-json": Rule(
        "fatal",
        "structure",
        "The document is not a Dataset-JSON data set whose rows fit its columns",
        "Send one whole data set, Dataset-JSON 1.1 (a document, or lines) or 1.0, its rows as wide as its columns",
    ),
}
