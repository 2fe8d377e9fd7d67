"""Every real payload of the library's vendors maps to valid resources, or is refused for the stated reason.

Payloads are taken by folder, from `index.tsv` of the data (role `payload`); `payloads.expected.tsv` beside this file
states for each: path, outcome, rules of its issues, resources by type, and the reason of a refusal in words. A file
passes when it behaves as stated and everything that it makes is accepted by the validator and by `fhir.resources`.
`UPDATE_PAYLOADS=1` rewrites outcomes, rules and counts; a new refusal then lacks its reason, and does not pass.
"""

import os
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests import mapping_runs
from tests.mapping_runs import Outcome, anybody

NAME = "payloads"

EXPECTED = Path(__file__).with_name("payloads.expected.tsv")

FOLDERS = {
    "wearable/google_health_v4/": "wearable.google-health.",
    "wearable/withings/": "wearable.withings.",
    "wearable/withings_shimmer/": "wearable.withings.",
    "wearable/fitbit/": "wearable.fitbit.",
    "wearable/garmin/": "wearable.garmin.",
    "wearable/garmin_health_api_radar/": "wearable.garmin.",
    "wearable/oura/": "wearable.oura.",
    "wearable/open_mhealth_ieee1752/": "wearable.open-mhealth.",
    "wearable/dexcom_v3/": "wearable.dexcom.",
    "wearable/polar/": "wearable.polar.",
    "wearable/suunto/": "wearable.suunto.",
    "wearable/ultrahuman/": "wearable.ultrahuman.",
    "wearable/ihealth/": "wearable.ihealth.",
    "wearable/googlefit/": "wearable.google-fit.",
    "wearable/apple_healthkit/": "wearable.apple-health.export",
    "wearable/sensorbio/": "wearable.sensorbio.",
    "lab/cdisc_dataset_json/": "lab.cdisc.dataset-json-lb",
    "wearable/jawbone/": "wearable.archive.",
    "wearable/misfit/": "wearable.archive.",
    "wearable/moves/": "wearable.archive.",
    "wearable/runkeeper/": "wearable.archive.",
    "lab/": "lab.hl7v2.oru-r01",
    "epro/redcap_": "epro.redcap.records",
    "epro/us_core_qr/": "epro.fhir.questionnaire-response",
    "epro/fhir_sdc/": "epro.fhir.questionnaire-response",
    "epro/cdisc_odm/": "epro.cdisc.odm-clinical-data",
    "imaging/dicomweb_client/": "imaging.dicomweb.",
    "imaging/pydicom/": "imaging.dicom.",
    "imaging/dcmqi/": "imaging.dcmqi.tid1500",
}
"""Folders of vendors and formats, and the ids, or their beginning, of the mappings that are to take them."""

ENVELOPE = {"vendorUserId": "someone"}


@dataclass(frozen=True, slots=True)
class Stated:
    """What a payload is expected to become; `resources` reads `DiagnosticReport=1 Observation=5`, "-" for none."""

    path: str
    outcome: str
    rules: str
    resources: str
    reason: str


def payloads(root: Path) -> list[tuple[str, str]]:
    """Path of every payload, and the id, or its beginning, of the mappings for it; "" where there is none."""
    found = []
    for line in (root / "index.tsv").read_text("utf-8").splitlines()[1:]:
        role, path = line.split("\t")[:2]
        if role == "payload":
            found.append((path, mapping_for(path)))
    return sorted(set(found))


def mapping_for(path: str) -> str:
    """The id, or its beginning, of the mappings for a payload, by its folder; "" where there is none."""
    folder = next((folder for folder in FOLDERS if path.startswith(folder)), "")
    if not folder or (folder == "lab/" and not path.endswith(".hl7")):
        return ""
    project_xml = folder == "epro/redcap_" and path.endswith(".xml")
    return FOLDERS["epro/cdisc_odm/"] if project_xml else FOLDERS[folder]


def stated() -> dict[str, Stated]:
    """The expectations by path."""
    lines = EXPECTED.read_text("utf-8").splitlines() if EXPECTED.exists() else []
    return {entry.path: entry for entry in (Stated(*line.split("\t")) for line in lines[1:])}


def observed(path: str, outcome: Outcome, reason: str) -> Stated:
    """What a payload became, in the words of the expectations."""
    counts = Counter(resource["resourceType"] for resource in outcome.resources)
    resources = " ".join(f"{kind}={count}" for kind, count in sorted(counts.items()))
    return Stated(
        path,
        "refused" if outcome.refused else "mapped",
        " ".join(outcome.rules) or "-",
        resources or "-",
        reason,
    )


def run_suite(root: Path) -> tuple[int, int, list[str]]:
    """Runs every payload; prints a line a vendor."""
    known, misses, table, now = stated(), [], {}, []
    for path, mapping in payloads(root):
        counts = table.setdefault("/".join(path.split("/")[:2]), Counter())
        if not mapping:
            counts["no mapping"] += 1
            continue
        ids = [each.id for each in mapping_runs.registry().all() if each.id.startswith(mapping)]
        outcome = mapping_runs.run((root / path).read_bytes(), ids, ENVELOPE, anybody)
        expected = known.get(path)
        found = observed(path, outcome, expected.reason if expected else "")
        if os.environ.get("UPDATE_PAYLOADS") and expected and expected.outcome != found.outcome:
            found = observed(path, outcome, "")
        now.append(found)
        problems = [*outcome.faults[:3]]
        if expected != found:
            problems.append(f"is {found}, stated {expected}")
        if found.outcome == "refused" and not found.reason:
            problems.append("refused without a stated reason")
        misses += [f"{path}: {problem}" for problem in problems]
        counts.update([found.outcome, "total", *(["passed"] if not problems else [])])
        counts["resources"] += len(outcome.resources)
    if os.environ.get("UPDATE_PAYLOADS"):
        _write(now)
    _print(table)
    passed = sum(counts["passed"] for counts in table.values())
    return passed, len(now), misses


def _write(entries: list[Stated]) -> None:
    lines = ["path\toutcome\trules\tresources\treason"]
    lines += ["\t".join((each.path, each.outcome, each.rules, each.resources, each.reason)) for each in entries]
    EXPECTED.write_text("\n".join(lines) + "\n", "utf-8")


def _print(table: dict[str, Counter[str]]) -> None:
    names = ["total", "mapped", "refused", "resources", "passed", "no mapping"]
    titles = ["files", "mapped", "refused", "resources", "as stated", "no mapping"]
    sys.stdout.write(f"{'payloads of':44}" + "".join(f"{title:>11}" for title in titles) + "\n")
    for folder, counts in sorted(table.items()):
        sys.stdout.write(f"{folder:44}" + "".join(f"{counts[name]:>11}" for name in names) + "\n")


def run() -> tuple[int, int, list[str]]:
    """The suite over `GATEWAY_PAYLOADS_DIR`; raises FileNotFoundError where the payloads are not here."""
    root = Path(os.environ.get("GATEWAY_PAYLOADS_DIR", "../shared/payloads"))
    if not (root / "index.tsv").is_file():
        raise FileNotFoundError("GATEWAY_PAYLOADS_DIR does not lead to the real payloads")
    return run_suite(root)
