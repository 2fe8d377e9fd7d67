"""A patch of either kind, read from the body of a request or of a Bundle entry."""

import binascii
from base64 import b64decode
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from gateway.core.codec import loads
from gateway.core.errors import BadRequest, Unprocessable
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.definitions import Definitions
from gateway.rest.patching import fhirpath_patch, json_patch

JSON_PATCH: Final = "application/json-patch+json"
PATCH_TYPES: Final = (JSON_PATCH, "application/fhir+json", "application/json")
MAX_OPERATIONS: Final = 1_000
MAX_EXPRESSIONS: Final = 200

Patch: TypeAlias = Callable[[Resource], Resource]
"""Makes another resource of the one that it is given, which it may change."""


def patch_of(media_type: str, body: bytes, definitions: Definitions) -> Patch:
    """The patch in a body of one of `PATCH_TYPES`: a JSON Patch, or a FHIRPath Patch in Parameters.

    Raises `BadRequest`; the patch itself raises `Unprocessable` where it does not fit.
    """
    tree = loads(body)
    if media_type == JSON_PATCH:
        return _by_json_patch(tree)
    return _by_parameters(tree, definitions)


def patch_of_entry(resource: Resource, definitions: Definitions) -> Patch:
    """The patch that a Bundle entry carries: Parameters, or a Binary with a JSON Patch; raises `BadRequest`."""
    if resource.get("resourceType") != "Binary":
        return _by_parameters(resource, definitions)
    return _by_json_patch(loads(json_patch_bytes(resource)))


def json_patch_bytes(binary: Resource) -> bytes:
    """The JSON Patch in a Binary; raises `BadRequest` when it holds none."""
    try:
        body = b64decode(binary.get("data") or "", validate=True)
    except (binascii.Error, TypeError, ValueError):
        body = b""
    if not body or binary.get("contentType") != JSON_PATCH:
        raise BadRequest(issue("rest.patch-syntax", number=1))
    return body


def _by_json_patch(tree: Any) -> Patch:
    operations = json_patch.read(tree, MAX_OPERATIONS)

    def patch(resource: Resource) -> Resource:
        made = json_patch.apply(operations, resource)
        if not isinstance(made, dict):
            raise Unprocessable(issue("rest.patch-identity"))
        return made

    return patch


def _by_parameters(tree: Any, definitions: Definitions) -> Patch:
    if not isinstance(tree, dict) or tree.get("resourceType") != "Parameters":
        raise BadRequest(issue("rest.not-parameters"))
    operations = fhirpath_patch.read(tree, MAX_EXPRESSIONS)
    return lambda resource: fhirpath_patch.apply(operations, resource, definitions)
