"""Functions compiled inline: those whose arguments are evaluated per item, lazily, or name a type.

One file a group; a form registers itself by standing in its file's `FORMS`.
"""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from gateway.fhirpath.forms.form import Form

__all__ = ["FORMS", "Form"]


def _declared() -> dict[str, Form]:
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    return {form.name: form for module in modules for form in getattr(module, "FORMS", ())}


FORMS: Mapping[str, Form] = MappingProxyType(_declared())
"""Name -> form."""
