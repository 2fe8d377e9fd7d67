"""The moment that the tests evaluate at."""

from datetime import UTC, datetime

NOW = datetime(2026, 6, 29, 22, 0, 5, 250_000, tzinfo=UTC)
