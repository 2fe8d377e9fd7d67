"""Every search-parameter expression of R4, evaluated on every official example of its type.

A pass is an expression that gives, with the type as base and without one, the same items and no exception. Resources
in a Bundle or contained in another are examples of their own type.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.conformance.bundle_index import BundleIndex
from gateway.conformance.invariants.invariant import resolver
from gateway.core import loads
from gateway.definitions import r4
from gateway.fhirpath import Env, FhirPathError, compile
from tests.compliance.official import folder

NAME = "r4-search-parameters"


def examples() -> list[Path]:
    """The files of the examples; raises FileNotFoundError where they are missing."""
    return sorted(folder("r4-examples").glob("*.json"))


def resources(root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A resource and those in it at any depth."""
    yield root
    for part in root.get("contained", ()):
        yield from resources(part)
    for entry in root.get("entry", ()) if root["resourceType"] == "Bundle" else ():
        if isinstance(entry.get("resource"), dict):
            yield from resources(entry["resource"])


def findings(root: dict[str, Any], used: set[str]) -> tuple[int, list[str]]:
    """How many expressions were evaluated, and a line for each that fails; adds the URLs of parameters to `used`."""
    total, found = 0, []
    bundle = BundleIndex(root) if root["resourceType"] == "Bundle" else None
    for resource in resources(root):
        kind = str(resource["resourceType"])
        env = Env(resolve=resolver(root, bundle, bundle.full_url_of(resource) if bundle is not None else ""))
        for parameter in r4().search_parameters(kind).values():
            if not parameter.expression:
                continue
            total += 1
            used.add(parameter.url)
            fault = _fault(parameter.expression, kind, resource, env)
            if fault:
                found.append(f"{kind}.{parameter.code}: {fault}")
    return total, found


def _fault(text: str, kind: str, resource: dict[str, Any], env: Env) -> str:
    try:
        items = compile(text, base=kind).evaluate(resource, env)
        again = compile(text).evaluate(resource, env)
    except FhirPathError as error:
        return error.rule
    return "" if items == again else "the base changes the result"


def run() -> tuple[int, int, list[str]]:
    """Passed, total and one line for each miss."""
    total, misses = 0, []
    for file in examples():
        evaluated, found = findings(loads(file.read_bytes()), set())
        total += evaluated
        misses += [f"{file.name}: {line}" for line in found]
    return total - len(misses), total, misses
