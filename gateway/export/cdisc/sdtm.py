"""The SDTM datasets of a study in a folder: a Dataset-JSON file each, define.xml, and a manifest that counts."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.core.codec import dumps
from gateway.core.errors import BadRequest
from gateway.core.instants import format_instant
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.export.cdisc.dataset_json import DEFINE, Dataset, Records, dataset_of, supplement_of
from gateway.export.cdisc.define import define_xml
from gateway.export.cdisc.domain import Domain
from gateway.export.cdisc.tabulation import Tabulation, Tabulator
from gateway.export.files import whole_file

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Written:
    """A dataset's file: how many records, and how many rows had no value for a variable that must have one."""

    name: str
    file: str
    count: int
    left_out: Mapping[str, int]

    @property
    def tree(self) -> dict[str, Any]:
        """The entry of the manifest."""
        return {"dataset": self.name, "file": self.file, "records": self.count, "leftOut": dict(self.left_out)}


def export_sdtm(
    tabulator: Tabulator, folder: Path, study: str, title: str, at: datetime, domains: Sequence[Domain]
) -> tuple[Written, ...]:
    """Writes each dataset, its SUPP-- dataset where it has records, `define.xml` and `manifest.json`.

    Every file appears whole or not at all. Files of an earlier run that this one does not write are removed. Raises
    `BadRequest` (`export.table-extra`) without odmlib, `Forbidden` for a type beyond the reader's scopes.
    """
    try:
        return _export(tabulator, folder, study, title, at, domains)
    except ModuleNotFoundError as missing:
        raise BadRequest(issue("export.table-extra", name=missing.name)) from None


def _export(
    tabulator: Tabulator, folder: Path, study: str, title: str, at: datetime, domains: Sequence[Domain]
) -> tuple[Written, ...]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    written: list[Written] = []
    datasets: list[Dataset] = []
    for domain in domains:
        with closing(Records(folder)) as own, closing(Records(folder)) as beside:
            made = Tabulation(study.upper(), domain, beside.add)
            for record in tabulator.records(made):
                own.add(record)
            for records, dataset in ((own, dataset_of(domain)), (beside, supplement_of(domain))):
                if records is own or records.count:
                    file = folder / f"{dataset.name.lower()}.json"
                    records.write(file, dataset, study, at)
                    left_out = dict(made.left_out) if records is own else {}
                    written.append(Written(dataset.name, file.name, records.count, left_out))
                    datasets.append(dataset)
    _write(folder / DEFINE, define_xml(study, title, at, datasets, _maps(tabulator, domains)))
    tree = {"study": study, "transactionTime": format_instant(at), "datasets": [one.tree for one in written]}
    _write(folder / MANIFEST, dumps(tree) + b"\n")
    _forget(folder, {one.file for one in written} | {DEFINE, MANIFEST})
    return tuple(written)


def _maps(tabulator: Tabulator, domains: Sequence[Domain]) -> dict[str, Resource]:
    """The ConceptMaps that the variables name, by url."""
    named = {one.argument["map"] for domain in domains for one in domain.variables if one.rule == "translate"}
    found = {url: tabulator.canonicals.concept_map(url) for url in sorted(named)}
    return {url: resource for url, resource in found.items() if resource is not None}


def _write(path: Path, content: bytes) -> None:
    with whole_file(path) as part:
        part.write_bytes(content)


def _forget(folder: Path, kept: set[str]) -> None:
    """Removes datasets that an earlier run left, so that nobody is left in them who withdrew since."""
    for path in folder.glob("*.json"):
        if path.name not in kept and path.stem.removeprefix("supp").isalnum() and len(path.stem) in (2, 6):
            path.unlink()
