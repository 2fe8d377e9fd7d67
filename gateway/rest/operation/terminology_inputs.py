"""What the terminology operations have in common: where their resources come from."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from gateway.core.codec import loads
from gateway.core.errors import BadRequest, NotFound, Unprocessable
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.rest.operation.declaration import Call, Inputs, Parameter
from gateway.terminology.catalog import MALFORMED, Catalog
from gateway.terminology.port import Canonicals, Terminology

RESOURCES: Final = Parameter("tx-resource", "Resource", max=None)
"""Resources that count for this request only."""

NEEDED: Final = {
    "CodeSystem/$lookup": {"system", "code"},
    "CodeSystem/$subsumes": {"system", "codeA", "codeB"},
    "CodeSystem/$validate-code": {"url", "code"},
    "ValueSet/$expand": {"url"},
    "ValueSet/$validate-code": {"url", "system", "code"},
}
"""What a terminology server must be told to have a question at all."""

LANGUAGE: Final = Parameter("displayLanguage", "code")
SUPPLEMENTS: Final = Parameter("useSupplement", "canonical", max=None)


def catalog_of(canonicals: Canonicals, inputs: Inputs) -> Catalog:
    """The terminology at hand and what came with the request."""
    return Catalog(canonicals, inputs.all(RESOURCES.name))


def stored_of(call: Call) -> Resource | None:
    """The resource that the address names; None above instance level. Raises `NotFound`."""
    if not call.id:
        return None
    tree: Resource = loads(call.door.read(call.type, call.id).body)
    return tree


def value_set_of(catalog: Catalog, inputs: Inputs, stored: Resource | None) -> Resource:
    """The ValueSet of the address, the body, or the canonical URL; raises `BadRequest` when none is named."""
    given: Resource | None = stored or inputs.one("valueSet")
    if given is not None:
        return given
    url = inputs.one("url")
    if url is None:
        raise missing("url or valueSet")
    version = inputs.one("valueSetVersion")
    return catalog.required_value_set(f"{url}|{version}" if version and "|" not in url else url)


@contextmanager
def well_formed() -> Iterator[None]:
    """What is raised inside because a resource is not shaped as its type says is a refusal (422)."""
    try:
        yield
    except MALFORMED as error:
        raise Unprocessable(issue("terminology.malformed")) from error


def or_asked(
    terminology: Terminology, inputs: Inputs, operation: str, names: Sequence[str], answer: Callable[[], Resource]
) -> Resource:
    """The answer from what is here; what is not here is asked of the terminology server, where one is set.

    It is sent the inputs `names`, and nothing else. Raises what `answer` raises when it does not know either.
    """
    try:
        found = answer()
        if not is_open(found):
            return found
        refused = None
    except NotFound as error:
        found, refused = None, error
    told = asked(terminology, inputs, operation, names)
    if told is not None:
        return told
    if refused is not None:
        raise refused
    return found or {}


def asked(terminology: Terminology, inputs: Inputs, operation: str, names: Sequence[str]) -> Resource | None:
    """What the terminology server answers to the inputs `names`; None when it does not, or must not be asked.

    A request that brings resources of its own is about them, so that no server could answer it.
    """
    if any(isinstance(value, dict) and "resourceType" in value for value in _values(inputs)):
        return None
    coding = inputs.one("coding") or {}
    given = {name: inputs.one(name) if inputs.one(name) is not None else coding.get(name) for name in names}
    if operation == "CodeSystem/$validate-code" and given["url"] is None:
        given["url"] = coding.get("system")
    sent = {name: str(value) for name, value in given.items() if value is not None}
    if not sent.keys() >= NEEDED[operation]:
        return None
    found = terminology.ask(operation, sent)
    kind = "ValueSet" if operation.endswith("$expand") else "Parameters"
    return found if found is not None and found.get("resourceType") == kind else None


def _values(inputs: Inputs) -> Iterator[object]:
    for values in inputs.values.values():
        yield from values


def is_open(answer: Resource) -> bool:
    """Whether an answer says that it could not be decided, since a code system is not here."""
    entries = answer.get("parameter", ())
    return any(entry.get("name") in ("x-unknown-system", "x-caused-by-unknown-system") for entry in entries)


def missing(*expected: str) -> BadRequest:
    """The refusal of a request that lacks what it is about."""
    return BadRequest(issue("terminology.nothing-to-check", expected=" or ".join(expected)))


def texts(values: Sequence[object]) -> tuple[str, ...]:
    """Values as texts."""
    return tuple(map(str, values))
