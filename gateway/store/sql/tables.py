"""The tables, as SQLModel classes: the study is the first column of every key and index.

No key crosses studies and no sequence is global, so that a distributed PostgreSQL can take the study as its
distribution column. `pk` is a time-ordered 63-bit number made by the gateway. The search index has its tables in
`index_tables`. Times are microseconds since 1970-01-01 UTC. Two tables have no study: `alembic_version`, and
`study`, the list of the studies that wrote anything.
"""

from typing import Any, ClassVar, Final, TypeAlias

from sqlalchemy import BigInteger, Index, LargeBinary, MetaData, SmallInteger, text
from sqlalchemy import Table as SqlTable
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlmodel import Field, SQLModel

from gateway.core.instants import FOREVER_BEFORE


class Table(SQLModel):
    """The registry of the gateway's tables, apart from those of any other code in the process."""

    metadata: ClassVar[MetaData] = MetaData()


Columns: TypeAlias = ReadOnlyColumnCollection[str, Any]
"""The columns of one table, or of one alias of it, as attributes."""

HIDDEN: Final = 0
STUDY_LEVEL: Final = 1
ONE_PAIR: Final = 2
MANY_PAIRS: Final = 3
"""Values of `level`: visible to nobody; to the whole study; by the row's own subject and domain; by its pairs."""

ANY_INSTANCE: Final = 0
UNNAMED_INSTANCE: Final = -1
"""Values of `instance`: any, or any that no Consent of the subject names."""

UNORDERED: Final = FOREVER_BEFORE
"""The `ordered` of a resource whose messages have no order."""

UNDATED: Final = FOREVER_BEFORE - 1
"""The `at` and `until` of a resource that stands nowhere in time: before everything."""

WHOSE: Final = ("study", "type", "deleted", "level", "subject", "domain", "facet")
COUNTED: Final = "level >= 0"
"""The columns of `resource_whose`, and what is true of every row and opens it to a statement."""

LASTING: Final = "until / 1000000 - at / 1000000"
"""How many seconds the time lasts by which searches place a resource, or up to two less (`until - at` overflows)."""

SHORT: Final = 60
"""What lasts longer is in `resource_lasting`: samples are not, and cost it nothing."""

CLUSTERED: Final = {"sqlite_with_rowid": False}
"""Rows in the order of their key, where the database can."""


class ResourceRow(Table, table=True):
    """The head of a resource: its current version and its placement for consent; no body, so it stays narrow.

    `ordered` is the instant of the newest message that was taken for it, `UNORDERED` when none had one. `at` and
    `until` are the interval by which searches place it in time, `UNDATED` when it has none or is deleted. `facet` is
    the set of common values that it has (see `index_tables`), 0 when deleted; `reference` the hash of `Type/id`;
    `kind` that of a `KindRow`, 0 for one that nobody looked into. By `resource_whose` what a reader may see is
    counted without the rows: a statement that says `COUNTED`. No other has it, as planners would take it for pages.
    `resource_lasting` tells how long the longest of a facet lasts, and so from where on an interval may reach in.
    """

    __tablename__ = "resource"
    __table_args__ = (
        Index("resource_id", "study", "type", "id", unique=True),
        Index("resource_updated", "study", "type", "updated", "pk"),
        Index("resource_at", "study", "type", "at", "pk"),
        Index("resource_facet", "study", "facet", "at", "pk"),
        Index("resource_whose", *WHOSE, sqlite_where=text(COUNTED), postgresql_where=text(COUNTED)),
        Index(
            "resource_lasting",
            "study",
            "facet",
            text(f"({LASTING})"),
            sqlite_where=text(f"{LASTING} > {SHORT}"),
            postgresql_where=text(f"{LASTING} > {SHORT}"),
        ),
        CLUSTERED,
    )

    study: str = Field(primary_key=True)
    type: str = Field(primary_key=True)
    pk: int = Field(sa_type=BigInteger, primary_key=True)
    id: str
    version: int
    updated: int = Field(sa_type=BigInteger)
    deleted: bool
    level: int = Field(sa_type=SmallInteger)
    subject: str
    domain: str
    low: int = Field(sa_type=BigInteger)
    high: int = Field(sa_type=BigInteger)
    ordered: int = Field(sa_type=BigInteger)
    at: int = Field(sa_type=BigInteger)
    until: int = Field(sa_type=BigInteger)
    facet: int = Field(sa_type=BigInteger)
    reference: int = Field(sa_type=BigInteger)
    kind: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})


class VersionRow(Table, table=True):
    """One version of a resource: the bytes that are served, the placement it had, the digest of its content.

    `entries` packs its index rows, so that an update finds them without a second index. Only the placement of the
    current version may change, when the study places the same content differently.
    """

    __tablename__ = "version"

    study: str = Field(primary_key=True)
    pk: int = Field(sa_type=BigInteger, primary_key=True)
    version: int = Field(primary_key=True)
    updated: int = Field(sa_type=BigInteger)
    deleted: bool
    level: int = Field(sa_type=SmallInteger)
    subject: str
    domain: str
    low: int = Field(sa_type=BigInteger)
    high: int = Field(sa_type=BigInteger)
    digest: bytes = Field(sa_type=LargeBinary)
    entries: bytes = Field(sa_type=LargeBinary)
    body: bytes = Field(sa_type=LargeBinary)
    kind: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})


class ReplacedRow(Table, table=True):
    """A version that another one replaced, at `until`: the history of a type is the heads and these, both by time.

    Only updates write such rows, so that what is written once costs nothing more.
    """

    __tablename__ = "replaced"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    type: str = Field(primary_key=True)
    updated: int = Field(sa_type=BigInteger, primary_key=True)
    pk: int = Field(sa_type=BigInteger, primary_key=True)
    version: int
    until: int = Field(sa_type=BigInteger)


class PairRow(Table, table=True):
    """One (subject, domain) pair of a version that has several; all of them must be permitted."""

    __tablename__ = "version_pair"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    pk: int = Field(sa_type=BigInteger, primary_key=True)
    version: int = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    domain: str = Field(primary_key=True)


class GrantRow(Table, table=True):
    """A box of permission, made from the subject's Consents in the transaction that wrote them.

    `rule` is that of a `KindRuleRow`, 0 when it is about any kind, and then about any instance. `instance` is the
    hash of the one reference it is about, `ANY_INSTANCE`, or `UNNAMED_INSTANCE`.
    """

    __tablename__ = "consent_grant"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    grantee: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    domain: str
    action: str
    purpose: str
    data_low: int = Field(sa_type=BigInteger)
    data_high: int = Field(sa_type=BigInteger)
    valid_low: int = Field(sa_type=BigInteger)
    valid_high: int = Field(sa_type=BigInteger)
    consent: str
    rule: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    instance: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})


class NamedRow(Table, table=True):
    """An instance that a subject's Consents name: boxes about all others leave it out."""

    __tablename__ = "consent_named"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    reference: int = Field(sa_type=BigInteger, primary_key=True)


class KindRow(Table, table=True):
    """A kind of content that some version has, as text; see `gateway.core.kinds`."""

    __tablename__ = "consent_kind"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    kind: int = Field(sa_type=BigInteger, primary_key=True)
    text: str


class KindRuleRow(Table, table=True):
    """A rule about kinds that some box has, as text."""

    __tablename__ = "consent_rule"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    rule: int = Field(sa_type=BigInteger, primary_key=True)
    text: str


class RuleKindRow(Table, table=True):
    """A kind that a rule means."""

    __tablename__ = "consent_rule_kind"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    rule: int = Field(sa_type=BigInteger, primary_key=True)
    kind: int = Field(sa_type=BigInteger, primary_key=True)


class ConsentEpochRow(Table, table=True):
    """How often a subject's grants were made; its row lock orders writers of the same subject's Consents."""

    __tablename__ = "consent_epoch"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    epoch: int = Field(sa_type=BigInteger)


class PayloadRow(Table, table=True):
    """The bytes of a landed payload, once for each study."""

    __tablename__ = "payload"

    study: str = Field(primary_key=True)
    sha256: str = Field(primary_key=True)
    body: bytes = Field(sa_type=LargeBinary)


class ReceiptRow(Table, table=True):
    """A delivery and what became of it; `counts`, `issues` and `envelope` are JSON."""

    __tablename__ = "receipt"
    __table_args__ = (
        Index("receipt_body", "study", "source", "sha256", "received"),
        Index("receipt_status", "study", "status", "received"),
    )

    study: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    source: str
    status: str
    received: int = Field(sa_type=BigInteger)
    sha256: str
    size: int = Field(sa_type=BigInteger)
    media_type: str
    name: str
    envelope: bytes = Field(sa_type=LargeBinary)
    mapping: str
    counts: bytes = Field(sa_type=LargeBinary)
    issues: bytes = Field(sa_type=LargeBinary)
    duplicate_of: str
    attempts: int
    leased_until: int = Field(sa_type=BigInteger)


class ReceiptRuleRow(Table, table=True):
    """A rule that a receipt has an issue of."""

    __tablename__ = "receipt_rule"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    receipt: str = Field(primary_key=True)
    rule: str = Field(primary_key=True)


class AuditHeadRow(Table, table=True):
    """The end of a study's audit chain; its row lock orders the writers of the chain."""

    __tablename__ = "audit_head"

    study: str = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInteger)
    digest: bytes = Field(sa_type=LargeBinary)


class AuditEventRow(Table, table=True):
    """A link of the audit chain."""

    __tablename__ = "audit_event"

    study: str = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInteger, primary_key=True)
    at: int = Field(sa_type=BigInteger)
    event: bytes = Field(sa_type=LargeBinary)
    digest: bytes = Field(sa_type=LargeBinary)


class StudyRow(Table, table=True):
    """A study that has landed a payload: where to look for unfinished work."""

    __tablename__ = "study"

    id: str = Field(primary_key=True)


class SchemaRow(Table, table=True):
    """The version of the schema as Alembic keeps it: one row, the number of the last revision."""

    __tablename__ = "alembic_version"

    version_num: str = Field(max_length=32, primary_key=True)


def table_of(row: type[Table]) -> SqlTable:
    """The SQLAlchemy table behind a row class."""
    table: SqlTable = Table.metadata.tables[str(row.__tablename__)]
    return table


def columns_of(row: type[Table]) -> Columns:
    """The columns of a new alias of the table behind a row class."""
    return table_of(row).alias().c
