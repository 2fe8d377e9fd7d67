"""Every invariant of R4, evaluated by FHIRPath alone on every element of the official examples that it is for.

A pass is an invariant, error or warning, that holds on an element. `r4_invariants_wrong.tsv` lists the examples that
are truly wrong. Resources in a Bundle or contained in another are elements like any other.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from gateway.conformance.bundle_index import BundleIndex
from gateway.conformance.invariants.invariant import BEST_PRACTICE, resolver
from gateway.core import loads
from gateway.definitions import Constraint, r4
from gateway.fhirpath import R4, Env, Expression, FhirPathError, compile
from gateway.fhirpath.errata import corrected
from gateway.terminology import LocalTerminology
from tests.compliance.official import folder
from tests.compliance.typed_walk import walk

NAME = "r4-invariants"
WRONG = Path(__file__).with_name("r4_invariants_wrong.tsv")
FOR_ALL = frozenset({"ele-1", "ext-1"})
"""Those of every element: asked of elements with children alone, as a primitive that is there has a value."""


def known() -> dict[tuple[str, str], str]:
    """(example, key) -> why the example is wrong."""
    rows = [line.split("\t") for line in WRONG.read_text("utf-8").splitlines() if line[:1] not in ("#", "")]
    return {(row[0], row[1]): row[2] for row in rows}


@cache
def _of(path: str) -> tuple[Constraint, ...]:
    """The invariants written at a type or an element's path."""
    structure = r4().structure(path.partition(".")[0])
    if structure is None:
        return ()
    found = next((element for element in structure.elements if element.path == path), None)
    return () if found is None else found.constraints


@cache
def _compiled(text: str, base: str | None) -> Expression:
    return compile(corrected(text, base), base=base if base is not None and R4.knows(base) else None, strict=False)


def _elements(resource: dict[str, Any]) -> Iterator[tuple[Any, str, str, tuple[Constraint, ...]]]:
    """Value, base for the compiler, place and invariants of the resource and of every element in it."""
    kind = str(resource["resourceType"])
    yield resource, kind, kind, _of(kind)
    for spot in walk(resource, kind, kind):
        base = spot.element.path if R4.knows(spot.element.path) else spot.type
        written = {constraint.key: constraint for constraint in (*_of(spot.element.path), *_of(spot.type))}
        if not isinstance(spot.value, dict):
            written = {key: one for key, one in written.items() if key not in FOR_ALL}
        yield spot.value, base, spot.path, tuple(written.values())


def _inside(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The resources in a resource."""
    yield from resource.get("contained", ())
    for entry in resource.get("entry", ()) if resource["resourceType"] == "Bundle" else ():
        if isinstance(entry.get("resource"), dict):
            yield entry["resource"]


def findings(root: dict[str, Any]) -> tuple[int, list[tuple[str, str]]]:
    """How many were evaluated, and (key, what and where) of each error that does not hold or cannot be evaluated."""
    return _findings(root, root, BundleIndex(root) if root["resourceType"] == "Bundle" else None)


def _findings(
    resource: dict[str, Any], root: dict[str, Any], bundle: BundleIndex | None
) -> tuple[int, list[tuple[str, str]]]:
    url = bundle.full_url_of(resource) if bundle is not None else ""
    env = Env(resource=resource, root=root, resolve=resolver(root, bundle, url), terminology=LocalTerminology(r4()))
    total, found = 0, []
    for value, base, place, constraints in _elements(resource):
        for constraint in constraints:
            if constraint.expression is None or constraint.key in BEST_PRACTICE:
                continue
            total += 1
            try:
                result = _compiled(constraint.expression, base).evaluate(value, env)
            except FhirPathError as error:
                found.append((constraint.key, f"{place}: {error.rule}"))
                continue
            if not result or result[0] is False:
                found.append((constraint.key, place))
    for part in _inside(resource):
        inner_root = root if bundle is None else part
        more, wrong = _findings(part, inner_root if resource is root else root, bundle)
        total, found = total + more, found + wrong
    return total, found


def run() -> tuple[int, int, list[str]]:
    """An invariant that does not hold counts as passed where the example is known to be wrong."""
    total, misses, wrong = 0, [], known()
    seen: set[tuple[str, str]] = set()
    for file in sorted(folder("r4-examples").glob("*.json")):
        evaluated, found = findings(loads(file.read_bytes()))
        total += evaluated
        for key, place in found:
            seen.add((file.name, key))
            if (file.name, key) not in wrong:
                misses.append(f"{file.name}: {key} {place}")
    misses += [f"{name}: {key} holds now" for name, key in wrong if (name, key) not in seen]
    return total - len(misses), total, misses
