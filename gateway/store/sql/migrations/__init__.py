"""The steps from each released schema to the next, as Alembic revisions; `gateway.store.sql.migrate` runs them.

A change of the tables comes with a new file in `versions`, numbered one up, whose `upgrade` uses what Alembic and the
connection offer and never the classes of `gateway.store.sql.tables`, which go on changing. A test proves that the
first released schema, brought up, is the one that the classes describe. Where index tables change, `entries` of the
versions are emptied (`x'00...'`, eight zero bytes) and everything is indexed again.
"""
