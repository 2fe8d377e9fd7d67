"""An index by which it is known how long what has a set of common values lasts at most."""

from alembic import op
from sqlalchemy import TextClause, text

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Makes `resource_lasting`."""
    lasting = "until / 1000000 - at / 1000000"
    longer = text(f"{lasting} > 60")
    columns: list[str | TextClause] = ["study", "facet", text(f"({lasting})")]
    op.create_index("resource_lasting", "resource", columns, sqlite_where=longer, postgresql_where=longer)
