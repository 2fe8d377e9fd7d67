"""Environment variables as Python statements. See https://hl7.org/fhirpath/N1/#environment-variables."""

from typing import Final

from gateway.fhirpath.emitter import Emitter
from gateway.fhirpath.runtime import listed, variable

_CONSTANTS: Final = {
    "ucum": "http://unitsofmeasure.org",
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
}
_PREFIXES: Final = {
    "vs-": "http://hl7.org/fhir/ValueSet/",
    "ext-": "http://hl7.org/fhir/StructureDefinition/",
}
_ROOTS: Final = {
    "context": "L = ONE(focus)",
    "resource": "L = ONE(focus if env is None or env.resource is None else env.resource)",
    "rootResource": """
if env is None:
    L = ONE(focus)
elif env.root is not None:
    L = ONE(env.root)
else:
    L = ONE(focus if env.resource is None else env.resource)
""",
}


def environment(code: Emitter, name: str) -> str:
    """Appends code; returns the local list of a variable's items."""
    value = code.fresh("l")
    constant = _constant(name)
    if constant is not None:
        code.run("L = (C,)", L=value, C=code.bind(constant))
    elif name in _ROOTS:
        code.run(_ROOTS[name], L=value, ONE=code.bind(listed))
    else:
        code.run("L = VARIABLE(env, NAME)", L=value, VARIABLE=code.bind(variable), NAME=code.bind(name))
    return value


def _constant(name: str) -> str | None:
    for prefix, url in _PREFIXES.items():
        if name.startswith(prefix):
            return url + name.removeprefix(prefix)
    return _CONSTANTS.get(name)
