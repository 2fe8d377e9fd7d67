"""Resources know the newest message that was taken for them; what is there has no order."""

from alembic import op
from sqlalchemy import BigInteger, Column, text

revision = "0002"
down_revision = "0001"

_UNORDERED = "-4611686018427387904"


def upgrade() -> None:
    """Adds `resource.ordered`."""
    op.add_column("resource", Column("ordered", BigInteger, nullable=False, server_default=text(_UNORDERED)))
