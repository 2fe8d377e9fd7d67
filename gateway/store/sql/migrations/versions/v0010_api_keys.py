"""The tables of vendors' keys and of rate limits."""

from alembic import op
from sqlalchemy import BigInteger, Column, LargeBinary, String

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Makes `api_key` and `rate_count`, empty."""
    op.create_table(
        "api_key",
        Column("study", String, primary_key=True, nullable=False),
        Column("id", String, primary_key=True, nullable=False),
        Column("used", BigInteger, nullable=False),
        Column("body", LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rate_count",
        Column("study", String, primary_key=True, nullable=False),
        Column("name", String, primary_key=True, nullable=False),
        Column("count", BigInteger, nullable=False),
        Column("until", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
