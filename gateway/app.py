"""The composition root: reads the settings and builds the objects; nothing is decided here.

`engines` builds what needs no database, `build` the whole gateway, `create_app` the HTTP application over it.
"""

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from gateway.access import Access, CataloguedStore, ScopeLimits
from gateway.audit import (
    Anchoring,
    AnchorKeys,
    Anchors,
    AuditReader,
    AuditTrail,
    EventIds,
    chain,
    witness,
)
from gateway.auth import (
    ApiKeys,
    AppClients,
    AppLaunch,
    Assertions,
    Authenticator,
    BackendServices,
    ClientRegistry,
    ExternalIssuers,
    Issuer,
    KeyFolder,
    KeySets,
    RateLimits,
    check_libraries,
)
from gateway.auth.webhooks import Endpoints, load_schemes
from gateway.background import Background
from gateway.conformance import Validator
from gateway.consent import ConsentPolicy, compile_grants
from gateway.core import logs
from gateway.core.assets import asset_roots
from gateway.core.clock import Clock, system_clock
from gateway.core.errors import FhirError
from gateway.definitions import Catalogue, Definitions
from gateway.export.bulk import Bulk, Departures, Worker, filter_reader
from gateway.export.deidentify import Deidentifiers
from gateway.ingest import Ingest
from gateway.mapping import MappingRegistry
from gateway.search import Parameters, Query
from gateway.settings import Settings
from gateway.study import Studies
from gateway.terminology import LocalTerminology, Terminology

if TYPE_CHECKING:
    from fastapi import FastAPI

    from gateway.rest.waiting.requests import Requests
    from gateway.store.sql import SqlStore

LOG_SECONDS = 0.2
"""How long a line of the access log may wait for its neighbours."""


@dataclass(frozen=True, slots=True)
class Engines:
    """What works on resources without any database: pure once it is loaded."""

    definitions: Definitions
    terminology: Terminology
    parameters: Parameters
    validator: Validator


@dataclass(frozen=True, slots=True)
class Gateway:
    """Everything that one installation runs on. Resources are reached through `access.door(principal)` alone."""

    settings: Settings
    clock: Clock
    engines: Engines
    studies: Studies
    registry: MappingRegistry
    store: "SqlStore"
    trail: AuditTrail
    anchoring: Anchoring
    audit: AuditReader
    access: Access
    ingest: Ingest
    keys: KeyFolder
    issuer: Issuer
    externals: ExternalIssuers
    clients: ClientRegistry
    api_keys: ApiKeys
    authenticator: Authenticator

    def close(self) -> None:
        """Writes what the audit trail still holds and closes the database."""
        self.trail.close()
        self.store.close()


def engines(settings: Settings) -> Engines:
    """The engines over the product's own assets and the overlays of the settings."""
    roots = (*asset_roots("profiles", settings.asset_dirs), *asset_roots("terminology", settings.asset_dirs)[1:])
    definitions = Definitions.load(*roots)
    terminology = _terminology(settings, LocalTerminology(definitions))
    parameters = Parameters(definitions, without=() if settings.full_text else ("_content",))
    return Engines(definitions, terminology, parameters, Validator(definitions, terminology))


def _terminology(settings: Settings, local: Terminology) -> Terminology:
    """The terminology at hand, with the server of the settings behind it if there is one."""
    if not settings.terminology_url:
        return local
    from gateway.terminology.fallback import FallbackTerminology
    from gateway.terminology.server import TerminologyServer

    return FallbackTerminology(local, TerminologyServer(settings.terminology_url, settings.terminology_seconds).ask)


def build(settings: Settings, clock: Clock = system_clock) -> Gateway:
    """The gateway of these settings, its schema up to date and a first signing key made where there was none.

    Raises `Unprocessable` with the faults of studies and mappings, `Unavailable` without database or libraries.
    """
    from gateway.store.sql import SqlStore

    check_libraries()
    made = engines(settings)
    studies = Studies.load(asset_roots("profiles", settings.asset_dirs))
    registry = MappingRegistry.load(
        asset_roots("mappings", settings.asset_dirs),
        made.definitions,
        made.terminology,
        asset_roots("terminology", settings.asset_dirs)[1:],
        only={name for study in studies.values() for source in study.sources.values() for name in source.mappings},
    )
    policies = {study.id: ConsentPolicy.of(study) for study in studies.values()}
    secret = settings.secret.get_secret_value().encode()
    store = SqlStore.open(
        settings.database,
        parameters=made.parameters,
        compile_grants=lambda study, subject, consents: compile_grants(subject, consents, policies[study]),
        chain=chain(secret),
        clock=clock,
        statement_seconds=settings.statement_seconds,
    )
    store.migrate()
    trail = AuditTrail(store, secret)
    limits = ScopeLimits(made.parameters)
    externals = ExternalIssuers(settings.issuers, settings.public_url, clock)
    anchors = Anchors(settings.anchors, AnchorKeys(settings.keys), witness(settings.anchor_url))
    catalogue = Catalogue.of_studies(made.definitions, asset_roots("profiles", settings.asset_dirs), studies, clock())
    catalogued = CataloguedStore(store, catalogue, made.parameters, limits)
    access = Access(catalogued, trail, studies, clock, limits)
    clients = ClientRegistry(store.registrations, studies, trail.record, clock, settings.environment)
    keys = KeyFolder(settings.keys)
    keys.ensure_key(clock())
    return Gateway(
        settings=settings,
        clock=clock,
        engines=made,
        studies=studies,
        registry=registry,
        store=store,
        trail=trail,
        anchoring=Anchoring(anchors, store.last, clock, timedelta(minutes=settings.anchor_minutes)),
        audit=AuditReader(store, EventIds(secret), made.parameters, settings.public_url),
        access=access,
        ingest=Ingest(store, access.door, registry, made.validator, studies, clock),
        keys=keys,
        issuer=Issuer(keys, settings.issuer, clock),
        externals=externals,
        clients=clients,
        api_keys=ApiKeys(store.api_keys, studies, partial(_types_of, studies, registry), clock, clients.client_of),
        authenticator=Authenticator(
            keys, settings.issuer, clients.client_of, clock, store.credentials.is_revoked, limits.is_usable, externals
        ),
    )


def _types_of(studies: Studies, registry: MappingRegistry, study: str, source: str) -> frozenset[str]:
    """The resource types that the mappings of a source make."""
    return frozenset(kind for name in studies[study].sources[source].mappings for kind in registry.get(name).types)


def create_app(settings: Settings | None = None) -> "FastAPI":
    """The HTTP application of these settings, or of the environment's (`uvicorn gateway.app:create_app --factory`).

    It owns its gateway, closed when it stops, and sets up the process: logs, garbage collection.
    """
    settings = settings or Settings()
    logs.configure(settings.log_level, flush_seconds=LOG_SECONDS)
    gateway = build(settings)
    app = serve(gateway, gateway.close)
    gc.freeze()  # what was built lives as long as the process; collections need not walk it
    gc.set_threshold(200_000)  # a Bundle and its rows are that large, and what requests leave is given back anyhow
    return app


@contextmanager
def settled() -> Iterator[None]:
    """While it is open collections of garbage pass over what is there by now; for a command that works long.

    A process that has seen to that already is left as it is.
    """
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def serve(gateway: Gateway, close: Callable[[], None] | None = None) -> "FastAPI":
    """The HTTP application over a gateway; `close` is called when it stops."""
    from gateway.export.views import study_views
    from gateway.rest import Cursors, Parts, create_api

    waiting = threading.Event()
    worker = bulk_worker(gateway, waiting.set)
    settings, running = gateway.settings, gateway
    for study in filter(running.store.maintenance.is_whole, running.studies):
        running.store.regrant(study)  # the study file's consent policy may have changed since the grants were made
    parts = Parts(
        studies=running.studies,
        definitions=running.engines.definitions,
        parameters=running.engines.parameters,
        terminology=running.engines.terminology,
        validator=running.engines.validator,
        access=running.access,
        ingest=running.ingest,
        authenticate=running.authenticator.authenticate,
        backend_services=(services := _backend_services(running)),
        app_launch=_app_launch(running, services) if settings.environment == "dev" else None,
        api_keys=running.api_keys,
        clients=running.clients,
        webhooks=Endpoints(settings.webhooks, load_schemes(asset_roots("profiles", settings.asset_dirs))),
        note_failure=running.trail.submit,
        use_once=running.store.credentials.claim,
        rates=RateLimits.of(settings.budgets, settings.rate_store, settings.workers, running.store.rate_counts),
        bulk=worker.bulk,
        views=lru_cache(lambda study: study_views(study, asset_roots("profiles", settings.asset_dirs))),
        requests=_requests(running),
        record=running.trail.record,
        audit=running.audit,
        public_keys=running.keys.public_keys,
        ready=partial(_answers, running),
        cursors=Cursors(settings.secret.get_secret_value().encode()),
        clock=running.clock,
        base_url=settings.public_url,
        issuer=settings.issuer,
        page_size=settings.page_size,
        page_limit=settings.page_limit,
        max_body_bytes=settings.max_body_bytes,
        bundle_limit=settings.bundle_limit,
        limits=settings.search_limits,
        origins=settings.cors_origins,
        reads_on_loop=settings.database_file is not None,
    )
    return create_api(parts, partial(_background(running, worker, waiting).running, close))


def _backend_services(gateway: Gateway) -> BackendServices:
    """The token endpoint, at the address that clients use."""
    endpoint = f"{gateway.settings.public_url}/auth/token"
    known, fetch = gateway.clients.client_of, KeySets(gateway.clock).fetch
    assertions = Assertions(gateway.studies, known, endpoint, gateway.store.credentials, fetch, gateway.clock)
    return BackendServices(assertions, gateway.issuer, gateway.authenticator, gateway.store.credentials)


def _app_launch(gateway: Gateway, services: BackendServices) -> AppLaunch:
    """The launch of apps without a login: for development alone."""
    clients, store = AppClients(gateway.clients.client_of, services.assertions), gateway.store.app_grants
    usable, url = ScopeLimits(gateway.engines.parameters).is_usable, gateway.settings.public_url
    return AppLaunch(gateway.studies, url, gateway.issuer, clients, store, gateway.clock, usable, services.end)


def _requests(gateway: Gateway) -> "Requests":
    """The requests that are answered later; an answer stays as long as the files of an export."""
    from gateway.rest.waiting.requests import Requests

    store, keep = gateway.store, timedelta(hours=gateway.settings.export_hours)
    known, limit = (gateway.studies, gateway.clients.client_of, gateway.clock), gateway.settings.async_limit
    return Requests(store.requests, *known, keep, threading.Event(), store.database.scrub, limit)


def bulk_worker(gateway: Gateway, wake: Callable[[], None]) -> Worker:
    """What works on bulk exports; `wake` is called when one is started."""
    from gateway.rest.exports.bulk import element_shower

    made, settings = gateway.engines, gateway.settings

    def reader(study: str) -> Callable[[str, int], Query]:
        known = made.parameters.of_study(study)
        return filter_reader(known, f"{settings.public_url}/studies/{study}/fhir", made.terminology)

    bulk = Bulk(
        store=gateway.store.exports,
        access=gateway.access,
        studies=gateway.studies,
        client_of=gateway.clients.client_of,
        clock=gateway.clock,
        folder=settings.exports,
        keep=timedelta(hours=settings.export_hours),
        show=element_shower(made.definitions),
        deidentifiers=Deidentifiers.of(gateway.studies.values(), settings.asset_dirs, settings.keys, gateway.clock),
        departures=Departures(gateway.store.exports, gateway.access, made.parameters, reader, gateway.clock),
        wake=wake,
    )
    return Worker(bulk, made.parameters, reader)


def _background(gateway: Gateway, exports: Worker, waiting: threading.Event) -> Background:
    """What a serving process does beside its requests; `waiting` wakes the exports."""
    return Background(
        studies=gateway.studies,
        ingest=gateway.ingest,
        indexes=gateway.store.maintenance,
        regrant=gateway.store.regrant,
        anchoring=gateway.anchoring,
        externals=gateway.externals,
        exports=exports,
        waiting=waiting,
    )


def _answers(gateway: Gateway) -> bool:
    """Whether the database answers and there is a key to verify tokens with."""
    try:
        for study in gateway.studies:
            gateway.store.last(study)
        return bool(gateway.keys.public_keys())
    except FhirError:
        return False
