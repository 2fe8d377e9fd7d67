"""CDISC: SDTM datasets as Dataset-JSON 1.1 with Define-XML 2.1, and answers as ODM 1.3.2. Needs the extra `cdisc`.

`study_domains` reads the datasets of a study, `participants_of` who may be in them, `export_sdtm` and
`write_clinical_data` write them.
"""

from gateway.export.cdisc.clinical_data import write_clinical_data
from gateway.export.cdisc.domain import Domain, read_domain, study_domains
from gateway.export.cdisc.participants import Participant, participants_of
from gateway.export.cdisc.sdtm import Written, export_sdtm
from gateway.export.cdisc.tabulation import Tabulator

__all__ = [
    "Domain",
    "Participant",
    "Tabulator",
    "Written",
    "export_sdtm",
    "participants_of",
    "read_domain",
    "study_domains",
    "write_clinical_data",
]
