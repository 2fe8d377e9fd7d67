"""The table of used assertions and revoked tokens."""

from alembic import op
from sqlalchemy import BigInteger, Column, String

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Makes `credential`, empty."""
    op.create_table(
        "credential",
        Column("study", String, primary_key=True, nullable=False),
        Column("kind", String, primary_key=True, nullable=False),
        Column("digest", String, primary_key=True, nullable=False),
        Column("until", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
