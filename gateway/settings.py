"""The settings of one installation: environment variables `GATEWAY_*`, read once by the composition root.

Nothing else in the product reads the environment. Every unknown `GATEWAY_*` variable is refused, so that a
misspelt setting cannot be ignored in silence. The defaults are for development on one machine; outside
`GATEWAY_ENVIRONMENT=dev` a default secret, an http issuer or a database file that others can read stops the start.
"""

import os
import re
import stat
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from gateway.search.parsing.limits import Limits

PREFIX: Final = "GATEWAY_"
DEV_SECRET: Final = "development-only-secret"  # noqa: S105 (refused outside dev)
DEV_ISSUER: Final = "http://gateway.localhost"

TEST_VARIABLES: Final = frozenset(
    f"GATEWAY_{data}_DIR" for data in ("CONFORMANCE", "DEFINITIONS", "PAYLOADS", "SYNTHEA")
)
"""Variables of the test suite, which share the prefix; so does everything that starts with `GATEWAY_TEST_`."""

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-]+(?::[0-9]{1,5})?\Z")
_ISSUER = re.compile(r"https?://[^\s@?#,]+\Z")
_RATE = re.compile(r"[1-9][0-9]{0,8}/(second|minute|hour|day)\Z")
_SQLITE = "sqlite:///"
_DATABASE = re.compile(rf"{_SQLITE}(?!:memory:\Z).|postgres(ql)?(\+psycopg)?://")


class Settings(BaseSettings):
    """All settings; `Settings()` reads the environment and raises `ValueError` naming each fault, never a value."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True, env_ignore_empty=True
    )

    environment: Literal["dev", "test", "production"] = Field(
        default="dev", description="Where this runs; anything but dev refuses the development defaults"
    )
    data_dir: Path = Field(default=Path("var"), description="Folder for the embedded database and the signing keys")
    database_url: SecretStr = Field(
        default=SecretStr(""),
        description="`sqlite:///FILE` or `postgresql://...`; empty means gateway.db in the data folder",
    )
    key_dir: Path | None = Field(
        default=None, description="Folder of the signing keys; empty means keys in the data folder"
    )
    export_dir: Path | None = Field(
        default=None, description="Folder of the files of bulk exports; empty means exports in the data folder"
    )
    export_hours: int = Field(
        default=24, ge=1, le=720, description="How long the files of a finished bulk export are kept"
    )
    rate_fhir: str = Field(
        default="300000/minute", description="FHIR requests that a client may send, as `600/minute`; empty means any"
    )
    rate_search: str = Field(
        default="",
        description="Searches that a client may send, within those, each of a batch counted; empty means any",
    )
    rate_ingest: str = Field(default="60000/minute", description="Deliveries that a client may send")
    rate_login: str = Field(default="1200/minute", description="Requests to the token endpoint from one address")
    rate_failures: str = Field(default="600/minute", description="Wrong tokens, keys and signatures from one address")
    rate_status: str = Field(
        default="120/minute", description="How often a client may ask how far one of its bulk exports is"
    )
    rate_store: str = Field(
        default="",
        description="Where requests are counted, `redis://...`; empty means memory, the database for several workers",
    )
    webhook_dir: Path | None = Field(
        default=None, description="Folder of the webhooks' secrets; empty means webhooks in the data folder"
    )
    anchor_dir: Path | None = Field(
        default=None,
        description="Folder of the audit trail's signed anchors, best on another disk; empty means anchors in the "
        "data folder",
    )
    anchor_minutes: int = Field(
        default=5, ge=1, le=1440, description="How often a chain of audit events that grew is anchored"
    )
    anchor_url: str = Field(
        default="",
        description="Where each anchor is posted as well, out of reach from here; empty means nowhere",
    )
    asset_dirs: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(),
        description="Folders with own mappings, profiles and terminology, separated like PATH; later ones win",
    )
    base_url: str = Field(
        default="",
        description="The https address that clients use: root of links, issuer of tokens; empty in dev only",
    )
    secret: SecretStr = Field(
        default=SecretStr(DEV_SECRET), min_length=16, description="Signs page cursors and keys the audit chain"
    )
    host: str = Field(default="127.0.0.1", description="Address that `gateway serve` listens on")
    port: int = Field(default=8000, ge=1, le=65535, description="Port that `gateway serve` listens on")
    workers: int = Field(default=1, ge=1, le=64, description="Processes of `gateway serve`")
    proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Addresses and networks of the proxies in front, separated by commas; whom they call for "
        "(`X-Forwarded-For`) is believed of no other",
    )
    token_seconds: int = Field(default=3600, ge=60, le=86_400, description="How long an access token is valid")
    max_body_bytes: int = Field(
        default=20_000_000, ge=1_000, description="Largest request body; more is refused with 413"
    )
    max_head_bytes: int = Field(
        default=65_536,
        ge=4_096,
        le=1_000_000,
        description="Largest address and headers of a request together; more is refused with 431",
    )
    client_seconds: int = Field(
        default=30,
        ge=1,
        le=3600,
        description="How long a head of a request may take, or a pause within its body, before it is refused (408)",
    )
    issuers: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="OpenID Connect issuers whose access tokens are accepted for the clients that name them, "
        "separated by commas; https outside dev",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Origins whose browsers may call (`https://app.example`), separated by commas"
    )
    bundle_limit: int = Field(
        default=5_000, ge=1, le=100_000, description="Most entries of a batch or transaction Bundle; more is refused"
    )
    page_size: int = Field(
        default=50, ge=1, le=1000, description="Entries of a search page when the client gives no _count"
    )
    statement_seconds: int = Field(
        default=60,
        ge=1,
        le=3600,
        description="How long the database may work on one question of a search, a read or a count",
    )
    full_text: bool = Field(
        default=False,
        description="Index every word of every resource for _content, which costs more than all other parameters; "
        "stored resources must be indexed again",
    )
    page_limit: int = Field(default=1000, ge=1, le=10_000, description="Most entries of a search page")
    search_parameters: int = Field(
        default=50, ge=1, le=200, description="Most parameters of a search; more are refused, as with the next three"
    )
    search_values: int = Field(
        default=1_000, ge=1, le=10_000, description="Most comma-separated values of one search parameter"
    )
    search_depth: int = Field(default=4, ge=1, le=10, description="Most links of a chain, `_has` included")
    search_includes: int = Field(
        default=100, ge=1, le=1_000, description="Most includes of a search, those that wildcards stand for counted"
    )
    async_limit: int = Field(
        default=10,
        ge=1,
        le=1_000,
        description="Requests with `Prefer: respond-async` that a client may have waiting in a study",
    )
    terminology_url: str = Field(
        default="", description="FHIR terminology server for codes that cannot be checked here; empty means none"
    )
    terminology_seconds: float = Field(
        default=2.0, gt=0, le=60, description="How long the terminology server may take to answer"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severity that is logged"
    )

    @field_validator("asset_dirs", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part for part in value.split(os.pathsep) if part) if isinstance(value, str) else value

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _origins(cls, value: Any) -> Any:
        parts = value.split(",") if isinstance(value, str) else value
        origins = tuple(part.strip() for part in parts if part.strip())
        for origin in origins:
            if not _ORIGIN.match(origin):
                raise ValueError("must be scheme://host[:port] each")
        return origins

    @field_validator("proxies", mode="before")
    @classmethod
    def _proxies(cls, value: Any) -> Any:
        parts = value.split(",") if isinstance(value, str) else value
        try:
            return tuple(str(ip_network(part.strip())) for part in parts if part.strip())
        except ValueError:
            raise ValueError("must be an address or a network each, as 10.0.0.0/8") from None

    @field_validator("issuers", mode="before")
    @classmethod
    def _issuers(cls, value: Any) -> Any:
        parts = value.split(",") if isinstance(value, str) else value
        issuers = tuple(part.strip() for part in parts if part.strip())
        if not all(_ISSUER.match(issuer) for issuer in issuers):
            raise ValueError("must be an http(s) address each, without query")
        return issuers

    @field_validator("rate_fhir", "rate_search", "rate_ingest", "rate_login", "rate_failures", "rate_status")
    @classmethod
    def _rate(cls, value: str) -> str:
        if value and not _RATE.match(value):
            raise ValueError("must be a number, a slash and second, minute, hour or day")
        return value

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        try:
            if url and not (_DATABASE.match(url) and (url.startswith(_SQLITE) or urlsplit(url).port != 0)):
                raise ValueError
        except ValueError:
            raise ValueError("must be sqlite:///FILE or postgresql://USER@HOST[:PORT]/NAME") from None
        return value

    @field_validator("base_url", "terminology_url", "anchor_url")
    @classmethod
    def _plain_url(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_variables(cls, values: Any) -> Any:
        unknown = unknown_variables(os.environ)
        if unknown:
            raise ValueError(f"unknown settings in the environment: {', '.join(unknown)}")
        return values

    @model_validator(mode="after")
    def _refuse_development_defaults(self) -> "Settings":
        if self.environment != "dev":
            faults = tuple(self._unsafe())
            if faults:
                raise ValueError(f"not safe outside dev: {'; '.join(faults)}")
        return self

    def _unsafe(self) -> list[str]:
        found = []
        if self.secret.get_secret_value() == DEV_SECRET:
            found.append("GATEWAY_SECRET is the development default")
        if not self.base_url.startswith("https://"):
            found.append("GATEWAY_BASE_URL is not https")
        if not all(issuer.startswith("https://") for issuer in self.issuers):
            found.append("an issuer of GATEWAY_ISSUERS is not https")
        path = self.database_file
        if path is not None and path.exists() and path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
            found.append("the SQLite file is open to every user of the machine (chmod 600)")
        return found

    @property
    def public_url(self) -> str:
        """The address that links start with; without `base_url`, where this process listens."""
        return self.base_url or f"http://{'127.0.0.1' if self.host == '0.0.0.0' else self.host}:{self.port}"  # noqa: S104

    @property
    def issuer(self) -> str:
        """The issuer of tokens; without `base_url` a fixed one, so that a token works at any port."""
        return self.base_url or DEV_ISSUER

    @property
    def database(self) -> str:
        """The database URL in force."""
        return self.database_url.get_secret_value() or f"{_SQLITE}{self.data_dir / 'gateway.db'}"

    @property
    def database_file(self) -> Path | None:
        """The SQLite file; None for any other database."""
        return Path(self.database.removeprefix(_SQLITE)) if self.database.startswith(_SQLITE) else None

    @property
    def search_limits(self) -> Limits:
        """How much a search may ask for."""
        return Limits(
            values=self.search_values,
            clauses=self.search_parameters,
            depth=self.search_depth,
            includes=self.search_includes,
        )

    @property
    def exports(self) -> Path:
        """The folder of the files of bulk exports."""
        return self.export_dir or self.data_dir / "exports"

    @property
    def budgets(self) -> dict[Any, str]:
        """The budgets of requests by kind."""
        return {
            "fhir": self.rate_fhir,
            "search": self.rate_search,
            "ingest": self.rate_ingest,
            "login": self.rate_login,
            "failure": self.rate_failures,
            "status": self.rate_status,
        }

    @property
    def webhooks(self) -> Path:
        """The folder of the webhooks' secrets."""
        return self.webhook_dir or self.data_dir / "webhooks"

    @property
    def anchors(self) -> Path:
        """The folder of the audit trail's anchors."""
        return self.anchor_dir or self.data_dir / "anchors"

    @property
    def keys(self) -> Path:
        """The folder of the signing keys."""
        return self.key_dir or self.data_dir / "keys"


def unknown_variables(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The names in `environment` that look like settings of the gateway and are none, sorted."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | TEST_VARIABLES
    return tuple(
        sorted(
            name
            for name in environment
            if name.upper().startswith(PREFIX)
            and name.upper() not in known
            and not name.upper().startswith("GATEWAY_TEST_")
        )
    )
