"""The functions that need no compiling of their own, one file a group.

A function is one decorated Python function in the file of its group; it registers itself by being there. `where`,
`select` and the others whose arguments are evaluated for each item are forms, in `gateway.fhirpath.forms`.
"""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from gateway.fhirpath.functions.registry import Function, FunctionSpec

__all__ = ["FUNCTIONS", "Function", "FunctionSpec"]


def _declared() -> dict[str, Function]:
    found: dict[str, Function] = {}
    for module in iter_modules(__path__):
        for value in vars(import_module(f"{__name__}.{module.name}")).values():
            for entry in value if isinstance(value, tuple) else (value,):
                if isinstance(entry, Function):
                    found[entry.name] = entry
    return found


FUNCTIONS: Mapping[str, Function] = MappingProxyType(_declared())
"""Name -> function."""
