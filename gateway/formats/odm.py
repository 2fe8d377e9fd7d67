"""CDISC ODM-XML (1.2, 1.3, 2.0; REDCap project XML and Dataset-XML are of this family).

The tree is the `ODM` element. An element is a dict: attributes by local name, child elements by local name (always a
list, in document order), text that is not blank as `text`. So an item of a form is

    ClinicalData.SubjectData.StudyEventData.FormData.ItemGroupData.ItemData.where(ItemOID = 'IT.DYSPNOEA').Value

Values stay text. Positions are XPaths, `/ODM/ClinicalData[1]/SubjectData[2]/@SubjectKey`.

Document type definitions, entities and external references are refused; depth and the number of elements are
limited. There are no options. See https://www.cdisc.org/standards/data-exchange/odm.
"""

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import Decoded, Options
from gateway.formats.xml_tree import read_xml

NAMESPACES = tuple(f"http://www.cdisc.org/ns/odm/v{version}" for version in ("1.2", "1.3", "2.0"))


def decode_odm(data: bytes, options: Options) -> Decoded:
    """The tree of an ODM document; raises `BadRequest` with a `format.xml-*` or `format.odm-*` rule."""
    document = read_xml(data)
    if document.name != "ODM" or document.namespace not in NAMESPACES:
        raise BadRequest(issue("format.odm-root"))
    return Decoded(document.element, document.locate)
