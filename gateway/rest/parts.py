"""What the HTTP application is made of; the composition root builds it once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gateway.access import Access
from gateway.audit import AuditReader
from gateway.auth import ApiKeys, AppLaunch, BackendServices, ClientRegistry, RateLimits
from gateway.auth.webhooks import Endpoints
from gateway.conformance import Validator
from gateway.core.clock import Clock
from gateway.core.event import Event
from gateway.core.principal import Principal
from gateway.definitions import Definitions
from gateway.export.bulk import Bulk
from gateway.export.views import CompiledView
from gateway.ingest import Ingest
from gateway.rest.messages.cursors import Cursors
from gateway.rest.waiting.requests import Requests
from gateway.search import Parameters
from gateway.search.parsing.limits import Limits
from gateway.study import Study
from gateway.terminology import Terminology


@dataclass(frozen=True, slots=True)
class Parts:
    """The objects behind the routes.

    `authenticate` takes a bearer token and a study; `app_launch` is None where apps are not launched here; `record`
    makes an audit event durable; `public_keys` gives the issuer's public JWKs; `ready` is True when the database
    answers, `reads_on_loop` when it answers a point read in microseconds. `base_url` has no final slash; links start
    with it, whatever the Host header says. `origins` are those whose browsers may call.
    """

    studies: Mapping[str, Study]
    definitions: Definitions
    parameters: Parameters
    terminology: Terminology
    validator: Validator
    access: Access
    ingest: Ingest
    authenticate: Callable[[str, str], Principal]
    backend_services: BackendServices
    api_keys: ApiKeys
    clients: ClientRegistry
    webhooks: Endpoints
    use_once: Callable[[str, str, int], bool]
    note_failure: Callable[[Event], object]
    rates: RateLimits
    app_launch: AppLaunch | None
    bulk: Bulk
    views: Callable[[str], Mapping[str, CompiledView]]
    requests: Requests
    record: Callable[[Event], None]
    audit: AuditReader
    public_keys: Callable[[], Sequence[Mapping[str, str]]]
    ready: Callable[[], bool]
    cursors: Cursors
    clock: Clock
    base_url: str
    issuer: str
    page_size: int
    page_limit: int
    max_body_bytes: int
    bundle_limit: int
    limits: Limits
    origins: Sequence[str]
    reads_on_loop: bool

    def fhir_base(self, study: str) -> str:
        """The FHIR base of a study, without a final slash."""
        return f"{self.base_url}/studies/{study}/fhir"
