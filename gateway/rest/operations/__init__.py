"""The operations of the FHIR base, a file each: its presence here is its registration.

A module has `OPERATIONS`, a tuple of `gateway.rest.operation.declaration.Operation`: the declaration and the
function that answers. Inputs are parsed and checked before that function is called; scopes and audit are done.
Operations know nothing of each other.
"""

import importlib
import pkgutil

from gateway.rest.operation.declaration import Operation


def found_operations() -> tuple[Operation, ...]:
    """Every operation, in the order of the file names."""
    names = sorted(info.name for info in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(operation for module in modules for operation in module.OPERATIONS)
