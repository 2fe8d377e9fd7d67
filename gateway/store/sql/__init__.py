"""The store on SQLite and PostgreSQL: the same tables, the same statements, the same contract tests.

The only package that knows SQL. `SqlStore` puts together the parts: `writer` and `changes` write resources as sets
of rows, `grants` keeps consent grants true in the same transaction, `reader` and `finder` read behind the one
consent predicate of `visible`, `landing` keeps payloads and receipts, `audit` the chain.
"""

from gateway.store.sql.store import SqlStore

__all__ = ["SqlStore"]
