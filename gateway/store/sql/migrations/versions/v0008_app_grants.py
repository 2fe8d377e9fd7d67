"""The table of what app launches give out once."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, String

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Makes `app_grant`, empty."""
    op.create_table(
        "app_grant",
        Column("study", String, primary_key=True, nullable=False),
        Column("digest", String, primary_key=True, nullable=False),
        Column("family", String, nullable=False),
        Column("until", BigInteger, nullable=False),
        Column("used", Boolean, nullable=False),
        Column("body", LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
