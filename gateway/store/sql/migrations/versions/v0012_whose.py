"""An index by which PostgreSQL counts whose resources are of a type."""

from alembic import op
from sqlalchemy import text

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Makes `resource_whose` on PostgreSQL."""
    if op.get_bind().dialect.name == "postgresql":
        columns = ["study", "type", "level", "subject", "domain", "facet"]
        op.create_index("resource_whose", "resource", columns, postgresql_where=text("NOT deleted"))
