"""Kinds of content, for Consents by class, code, security label and single instances.

What is there has no kind yet: a box about some kinds only does not show it until it is written again. Boxes made
before have no rule, and deny what they could not tell.
"""

from alembic import op
from sqlalchemy import BigInteger, Column, String, text

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Adds `kind` to resources and versions, `rule` and `instance` to grants, and the tables that tell of them."""
    for table, names in (("resource", ("kind",)), ("version", ("kind",)), ("consent_grant", ("rule", "instance"))):
        for name in names:
            op.add_column(table, Column(name, BigInteger, nullable=False, server_default=text("0")))
    for table, keys, more in (
        ("consent_named", ("subject", "reference"), ()),
        ("consent_kind", ("kind",), ("text",)),
        ("consent_rule", ("rule",), ("text",)),
        ("consent_rule_kind", ("rule", "kind"), ()),
    ):
        op.create_table(
            table,
            Column("study", String, primary_key=True, nullable=False),
            *(
                Column(name, String if name == "subject" else BigInteger, primary_key=True, nullable=False)
                for name in keys
            ),
            *(Column(name, String, nullable=False) for name in more),
            sqlite_with_rowid=False,
        )
