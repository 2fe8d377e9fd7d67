"""The functions that the mapping language adds to FHIRPath, by topic.

Each is `callable(focus: list, *arguments: list) -> list`, total: a value of the wrong kind is reported and gives
nothing. `function_set` binds them to the concept maps and look-up tables of one mapping, `twins` what generated
functions call for single items.
"""

from gateway.mapping.functions.bound import function_set

__all__ = ["function_set"]
