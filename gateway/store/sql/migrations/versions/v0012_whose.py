"""An index by which it is counted whose the resources of a type are."""

from alembic import op
from sqlalchemy import text

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Makes `resource_whose`."""
    columns = ["study", "type", "deleted", "level", "subject", "domain", "facet"]
    every = text("level >= 0")
    op.create_index("resource_whose", "resource", columns, sqlite_where=every, postgresql_where=every)
