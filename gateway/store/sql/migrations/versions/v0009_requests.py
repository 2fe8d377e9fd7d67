"""The table of requests that are answered later."""

from alembic import op
from sqlalchemy import BigInteger, Column, LargeBinary, String
from sqlalchemy import Integer as Whole

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Makes `request_job`, empty."""
    op.create_table(
        "request_job",
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
