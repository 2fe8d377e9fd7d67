"""The table of clients' registrations."""

from alembic import op
from sqlalchemy import BigInteger, Column, LargeBinary, String

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Makes `client_registration`, empty."""
    op.create_table(
        "client_registration",
        Column("study", String, primary_key=True, nullable=False),
        Column("id", String, primary_key=True, nullable=False),
        Column("steps", BigInteger, nullable=False),
        Column("body", LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
