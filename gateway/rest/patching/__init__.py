"""Patches: a JSON Patch (RFC 6902) or a FHIRPath Patch, read from a body and applied to a resource.

Reading a patch checks its form; applying it changes the tree that it is given, and is bounded in what it makes.
See https://hl7.org/fhir/R4/http.html#patch.
"""

from gateway.rest.patching.patch import (
    JSON_PATCH,
    PATCH_TYPES,
    Patch,
    json_patch_bytes,
    patch_of,
    patch_of_entry,
)

__all__ = ["JSON_PATCH", "PATCH_TYPES", "Patch", "json_patch_bytes", "patch_of", "patch_of_entry"]
