"""The views of the demo study: totals in DuckDB and in polars are those of FHIR searches of the same reader."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars
import pytest

from gateway.access import Door, Page
from gateway.app import Gateway, build
from gateway.cli._demo.echo_report import echo_report
from gateway.cli._demo.payloads import deliveries
from gateway.core.assets import asset_roots
from gateway.core.codec import loads
from gateway.core.types import Resource
from gateway.definitions import r4
from gateway.export.views import run_view, study_views, write_table
from gateway.ingest import enrol
from gateway.search import Parameters, parse
from gateway.settings import Settings

STUDY = "hf-dct-01"
READERS = ("data-manager", "ehr-app")
PARAMETERS = Parameters(r4())
VIEWS = study_views(STUDY, asset_roots("profiles"))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The demo's payloads, two days of heart rate among them, and some visits."""
    gateway = build(Settings(data_dir=Path(tmp_path_factory.mktemp("views"))))
    study = gateway.studies[STUDY]
    registrar = gateway.access.door(study.principal(study.clients["registrar"]))
    enrol(registrar, study, gateway.engines.definitions)
    days = 0
    for entry in deliveries(study, asset_roots("mappings")):
        days += entry.name.startswith("day-")
        if entry.name.startswith(("again-", "overlap-")) or (entry.name.startswith("day-") and days > 2):
            continue
        media = gateway.ingest.media_types(STUDY, entry.source)[0]
        payload = gateway.ingest.payload(STUDY, entry.source, entry.body, media, entry.envelope, entry.name)
        gateway.ingest.process(gateway.ingest.receive(payload, study.principal_of(entry.source)))
    signed = [one.patient for one in study.participants if one.consent == "all" and not one.withdrawn]
    registrar.commit([visit(f"v-{number}", signed[number % 3], number) for number in range(7)])
    yield gateway
    gateway.close()


def visit(identity: str, patient: str, number: int) -> Resource:
    return {
        "resourceType": "Encounter",
        "id": identity,
        "status": ("finished", "planned")[number % 2],
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": f"Patient/{patient}"},
        "period": {"start": f"2026-03-{number + 1:02}T08:00:00Z"},
    }


def found(door: Door, search: str) -> list[Resource]:
    """Every match of a FHIR search, which tells the same total itself."""
    kind, _, query = search.partition("?")
    pairs = [tuple(pair.split("=", 1)) for pair in query.split("&") if pair]
    asked = parse(kind, [*pairs, ("_total", "accurate")], PARAMETERS)  # type: ignore[list-item]
    total = door.search(asked, Page(1)).total
    resources = [loads(row.body) for row in door.stream(asked)]
    assert total == len(resources)
    return resources


def patient_of(resource: Resource) -> str:
    return str(resource["subject"]["reference"])


def one_row(_resource: Resource) -> int:
    return 1


def components(resource: Resource) -> int:
    own = 0 if "component" in resource and "valueQuantity" not in resource else 1
    return own + len(resource.get("component", ()))


def answers(resource: Resource) -> int:
    def count(items: list[Resource]) -> int:
        return sum(len(item.get("answer", ())) + count(item.get("item", [])) for item in items)

    return count(resource.get("item", []))


SEARCHES: dict[str, tuple[str, Callable[[Resource], int] | None]] = {
    "vital_signs": ("Observation?category=vital-signs&status:not=entered-in-error", None),
    "wearable_values": ("Observation?category=vital-signs,activity&device:missing=false", None),
    "laboratory_results": ("Observation?category=laboratory&status:not=entered-in-error", one_row),
    "epro_scores": ("Observation?category=survey", None),
    "epro_answers": ("QuestionnaireResponse", answers),
    "diary_adherence": ("QuestionnaireResponse", one_row),
    "visits": ("Encounter", one_row),
    "imaging_measurements": ("Observation?category=imaging&status:not=entered-in-error", one_row),
    "imaging_series": ("ImagingStudy", lambda study: max(1, len(study.get("series", ())))),
}
"""View -> the search that it is to agree with, and how many rows a resource gives, None where that is the view's."""


def test_every_view_is_compared() -> None:
    assert set(SEARCHES) == set(VIEWS)


@pytest.mark.parametrize("client", READERS)
@pytest.mark.parametrize("name", SEARCHES)
def test_totals_are_those_of_a_search(filled: Gateway, name: str, client: str, tmp_path: Path) -> None:
    study = filled.studies[STUDY]
    door = filled.access.door(study.principal(study.clients[client]))
    search, rows_of = SEARCHES[name]
    resources = found(door, search)
    file = tmp_path / f"{name}.parquet"
    count = write_table(VIEWS[name], run_view(VIEWS[name], door), file)
    assert resources
    assert len({patient_of(one) for one in resources}) > 1 or client != "data-manager"
    by_duckdb = duckdb.sql(
        f"SELECT patient, count(DISTINCT id), count(*) FROM read_parquet('{file}') GROUP BY patient"
    ).fetchall()
    frame = polars.read_parquet(file)
    by_polars = frame.group_by("patient").agg(polars.col("id").n_unique().alias("ids"), polars.len().alias("rows"))
    assert sorted(by_duckdb) == sorted(by_polars.rows())
    expected = Counter(patient_of(one) for one in resources)
    assert {f"Patient/{patient.removeprefix('Patient/')}": ids for patient, ids, _ in by_duckdb} == expected
    assert sum(rows for *_, rows in by_duckdb) == count
    assert set(frame["id"]) == {one["id"] for one in resources}
    if rows_of is not None:
        assert count == sum(map(rows_of, resources))


def test_numbers_are_those_of_the_resources(filled: Gateway, tmp_path: Path) -> None:
    """Sums by code, of what DuckDB and polars read and of what the search found."""
    study = filled.studies[STUDY]
    door = filled.access.door(study.principal(study.clients["data-manager"]))
    for name in ("laboratory_results", "vital_signs", "epro_scores"):
        file = tmp_path / f"{name}.parquet"
        write_table(VIEWS[name], run_view(VIEWS[name], door), file)
        column = "score" if name == "epro_scores" else "value"
        by_duckdb = dict(duckdb.sql(f"SELECT code, sum({column}) FROM '{file}' GROUP BY code").fetchall())
        frame = polars.read_parquet(file).group_by("code").agg(polars.col(column).sum())
        resources = found(door, SEARCHES[name][0])
        expected: dict[str, Any] = {}
        for resource in resources:
            for part in (resource, *resource.get("component", ())):
                code = part["code"]["coding"][0]["code"]
                value = part.get("valueQuantity", {}).get("value", part.get("valueInteger"))
                if value is not None:
                    expected[code] = expected.get(code, 0) + value
        told = {code: total for code, total in by_duckdb.items() if total}
        assert {code: float(total) for code, total in told.items()} == pytest.approx(
            {code: float(total) for code, total in expected.items() if total}
        )
        assert {code: float(total) for code, total in frame.rows() if total} == pytest.approx(
            {code: float(total) for code, total in told.items()}
        )


def test_measurements_tell_site_method_unit_and_series(filled: Gateway) -> None:
    study = filled.studies[STUDY]
    view = VIEWS["imaging_measurements"]
    rows = run_view(view, filled.access.door(study.principal(study.clients["data-manager"])))
    names = [one.name for one in view.columns]
    made = [
        row for row in (dict(zip(names, row, strict=True)) for row in rows) if row["tracking_id"] == "Left ventricle"
    ]
    people = [one for one in study.participants if not one.withdrawn]
    assert {(row["code"], row["unit"]) for row in made} == {("118565006", "mL"), ("10230-1", "%")}
    assert {(row["finding_site"], row["method"]) for row in made} == {("87878005", "125207")}
    for key in ("patient", "study", "series", "tracking_uid"):
        assert len({row[key] for row in made}) == len(made) // 2 <= len(people)
    told = {person.patient: echo_report(person) for person in people}
    assert {str(row["patient"]).removeprefix("Patient/") for row in made} <= set(told)
    for row in made:
        assert f"{row['value']}".encode() in told[str(row["patient"]).removeprefix("Patient/")]
        assert (
            str(row["series"]).removeprefix("urn:oid:").encode() in told[str(row["patient"]).removeprefix("Patient/")]
        )
