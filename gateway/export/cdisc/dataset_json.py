"""A dataset as a Dataset-JSON 1.1 file: https://www.cdisc.org/standards/data-exchange/dataset-json.

The description of the file and its columns is made with odmlib (extra `cdisc`); the records are written as they come,
since how many there are stands before them only when all are known.
"""

import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from gateway import __version__
from gateway.core.codec import dumps
from gateway.core.instants import format_instant
from gateway.export.cdisc.domain import Domain, Variable
from gateway.export.cdisc.tabulation import SUPPLEMENT, Record
from gateway.export.files import whole_file

VERSION: Final = "1.1.0"
DEFINE: Final = "define.xml"

_SUPPLEMENT_LABELS: Final = dict(
    zip(
        SUPPLEMENT,
        (
            "Study Identifier",
            "Related Domain Abbreviation",
            "Unique Subject Identifier",
            "Identifying Variable",
            "Identifying Variable Value",
            "Qualifier Variable Name",
            "Qualifier Variable Label",
            "Data Value",
            "Origin",
            "Evaluator",
        ),
        strict=True,
    )
)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset without its records: `name` as `VS` or `SUPPVS`, and its variables."""

    name: str
    label: str
    structure: str
    observation_class: str
    variables: tuple[Variable, ...]


def dataset_of(domain: Domain) -> Dataset:
    """The dataset of a domain."""
    return Dataset(domain.name, domain.label, domain.structure, domain.observation_class, domain.variables)


def supplement_of(domain: Domain) -> Dataset:
    """The dataset of what a domain's supplements say."""
    keys = {name: place for place, name in enumerate(SUPPLEMENT[:6], 1)}
    variables = [
        Variable(name, _SUPPLEMENT_LABELS[name], "string", 200, "constant", "", keys.get(name, 0))
        for name in SUPPLEMENT
    ]
    structure = "One record per supplemental qualifier per related record"
    return Dataset(
        f"SUPP{domain.name}",
        f"Supplemental Qualifiers for {domain.name}",
        structure,
        "RELATIONSHIP",
        tuple(variables),
    )


class Records:
    """Records on their way into a file: kept in an unnamed one beside it, so that they are counted before they are
    written there."""

    def __init__(self, folder: Path) -> None:
        self.count = 0
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed by `close`

    def add(self, record: Record) -> None:
        """Takes one more record."""
        self._file.write((b",\n" if self.count else b"\n") + dumps(record))
        self.count += 1

    def write(self, path: Path, dataset: Dataset, study: str, at: datetime) -> None:
        """Writes the dataset with the records taken, whole or not at all; needs odmlib."""
        head = dumps(_description(dataset, study, at, self.count))
        self._file.seek(0)
        with whole_file(path) as part, part.open("wb") as file:
            file.write(head[:-1] + b',"rows":[')
            shutil.copyfileobj(self._file, file)
            file.write(b"\n]}\n")

    def close(self) -> None:
        """Forgets the records."""
        self._file.close()


def _description(dataset: Dataset, study: str, at: datetime, count: int) -> dict[str, Any]:
    model: Any = import_module("odmlib.dataset_json_1_1.model")
    columns = [
        model.Column(
            itemOID=item_oid(dataset, one),
            name=one.name,
            label=one.label,
            dataType=one.kind,
            **({"length": one.length} if one.kind == "string" else {}),
            **({"keySequence": one.key} if one.key else {}),
        )
        for one in dataset.variables
    ]
    described: dict[str, Any] = model.DatasetJSON(
        datasetJSONCreationDateTime=format_instant(at),
        datasetJSONVersion=VERSION,
        fileOID=f"urn:trial-fhir-gateway:{study}:sdtm:{dataset.name}",
        originator="trial-fhir-gateway",
        sourceSystem=model.SourceSystem(name="trial-fhir-gateway", version=__version__),
        studyOID=study_oid(study),
        metaDataVersionOID=version_oid(study),
        metaDataRef=DEFINE,
        itemGroupOID=group_oid(dataset),
        records=count,
        name=dataset.name,
        label=dataset.label,
        columns=columns,
    ).to_dict()
    return described


def study_oid(study: str) -> str:
    """The OID of a study, in datasets, in their definition and in clinical data."""
    return f"STDY.{study}"


def version_oid(study: str) -> str:
    """The OID of the definition of a study's datasets."""
    return f"MDV.{study}.SDTM"


def group_oid(dataset: Dataset) -> str:
    """The OID of a dataset."""
    return f"IG.{dataset.name}"


def item_oid(dataset: Dataset, variable: Variable) -> str:
    """The OID of a variable."""
    return f"IT.{dataset.name}.{variable.name}"
