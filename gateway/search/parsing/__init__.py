"""How request parameters are read: names and modifiers, values by kind, chains, and what shapes the result.

Functions raise `BadRequest` with the fault of one parameter; `gateway.search.parse` collects them.
"""
