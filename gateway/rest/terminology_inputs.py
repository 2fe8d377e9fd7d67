"""What the terminology operations have in common: where their resources come from."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from gateway.core.codec import loads
from gateway.core.errors import BadRequest, Unprocessable
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.rest.operation import Call, Inputs, Parameter
from gateway.terminology.catalog import MALFORMED, Catalog
from gateway.terminology.port import Canonicals

RESOURCES: Final = Parameter("tx-resource", "Resource", max=None)
"""Resources that count for this request only."""

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


def missing(*expected: str) -> BadRequest:
    """The refusal of a request that lacks what it is about."""
    return BadRequest(issue("terminology.nothing-to-check", expected=" or ".join(expected)))


def texts(values: Sequence[object]) -> tuple[str, ...]:
    """Values as texts."""
    return tuple(map(str, values))
