"""The table of bulk exports."""

from alembic import op
from sqlalchemy import BigInteger, Column, LargeBinary, String
from sqlalchemy import Integer as Whole

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Makes `export_job`, empty."""
    op.create_table(
        "export_job",
        Column("study", String, primary_key=True, nullable=False),
        Column("id", String, primary_key=True, nullable=False),
        Column("client", String, nullable=False),
        Column("status", String, nullable=False),
        Column("created", BigInteger, nullable=False),
        Column("expires", BigInteger, nullable=False),
        Column("request", LargeBinary, nullable=False),
        Column("state", LargeBinary, nullable=False),
        Column("attempts", Whole, nullable=False),
        Column("worker", String, nullable=False),
        Column("leased_until", BigInteger, nullable=False),
    )
