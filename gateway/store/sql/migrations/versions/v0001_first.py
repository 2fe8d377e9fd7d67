"""The first schema: where older databases start from; new ones are made whole."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing to do: who is here has it."""
