"""Where resources, landed payloads and audit rows are kept.

`port` says what a store must do; `gateway.store.sql` does it on SQLite and PostgreSQL. Nobody but `gateway.access`
reads or writes resources through it: the port answers the consent question (`Visibility`) for every row it gives
out, but does not know who asks. A store knows no study file, no role and no HTTP.
"""

from gateway.store.port import Chain, CompileGrants, Found, Page, Position, ResourceStore

__all__ = ["Chain", "CompileGrants", "Found", "Page", "Position", "ResourceStore"]
