"""Tables for every search parameter, and a place in time and a set of common values for every resource.

The rows are made by indexing again what is there; until then searches are refused.
"""

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    LargeBinary,
    SmallInteger,
    String,
    column,
    table,
    text,
    update,
)
from sqlalchemy.types import TypeEngine

revision = "0004"
down_revision = "0003"

_UNDATED = "-4611686018427387905"
_NO_ROWS = bytes.fromhex("97d3bfffffffffffffff909090909090")
"""What `entries` of a version without index rows are."""

_TEXT = String().with_variant(String(collation="C"), "postgresql")


def _key(name: str, type: TypeEngine[Any]) -> "Column[Any]":
    return Column(name, type, primary_key=True, nullable=False, autoincrement=False)


def _plain(name: str, type: TypeEngine[Any]) -> "Column[Any]":
    return Column(name, type, nullable=False)


def upgrade() -> None:
    """Drops the old index tables and makes the new ones, empty."""
    op.drop_table("search_term")
    op.drop_table("search_date")
    for name, value in (("at", _UNDATED), ("until", _UNDATED), ("facet", "0"), ("reference", "0")):
        op.add_column("resource", Column(name, BigInteger, nullable=False, server_default=text(value)))
    op.create_index("resource_at", "resource", ["study", "type", "at", "pk"])
    op.create_index("resource_facet", "resource", ["study", "facet", "at", "pk"])
    _resources()
    _common_values()
    version = table("version", column("entries", LargeBinary))
    op.execute(update(version).values(entries=_NO_ROWS))


def _make(name: str, *columns: "Column[Any]") -> None:
    op.create_table(name, _key("study", String()), *columns, sqlite_with_rowid=False)


def _resources() -> None:
    """What is a resource's own."""
    pk, of = ("pk", BigInteger()), ("hash", BigInteger())
    _make("search_term", _key(*of), _key("at", BigInteger()), _key(*pk))
    _make("search_reference", _key(*pk), _key(*of), _key("type", _TEXT), _key("id", _TEXT))
    part = ("part", SmallInteger())
    bounds = [_key(name, BigInteger()) for name in ("low", "high")]
    _make("search_date", _key(*pk), _key(*of), *bounds, _key(*part))
    _make(
        "search_number",
        *(_key(*pk), _key(*of), _key("low", Double()), _key("high", Double()), _key("unit", BigInteger())),
        *(_key(*part), _plain("canonical_low", Double()), _plain("canonical_high", Double())),
    )
    _make("search_string", _key(*pk), _key(*of), _key("normal", _TEXT), _key("exact", BigInteger()), _key(*part))
    op.create_index("search_string_text", "search_string", ["study", "hash", "normal", "pk"])
    _make("search_word", _key(*of), _key(*pk))


def _common_values() -> None:
    """What many resources share, and how far each study is indexed."""
    facet, of = ("facet", BigInteger()), ("hash", BigInteger())
    names = ("system", "code", "name", "canonical")
    _make("search_unit", _key("unit", BigInteger()), *(_plain(name, String()) for name in names))
    _make("search_facet", _key("type", String()), _key(*facet))
    _make("search_facet_term", _key(*of), _key(*facet))
    _make("search_facet_text", _key(*facet), _key(*of), _key("text", _TEXT))
    _make(
        "index_state",
        *(_plain("digest", String()), _plain("whole", Boolean())),
        *(_plain(name, BigInteger()) for name in ("place", "done", "total")),
    )
