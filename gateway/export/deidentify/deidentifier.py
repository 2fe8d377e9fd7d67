"""What may leave of a resource: as a tree, and as the bytes that are stored of it."""

from datetime import date

from gateway.core import Resource
from gateway.core.codec import dumps, loads_stored
from gateway.core.errors import Unprocessable
from gateway.core.issues import issue
from gateway.export.deidentify.elements import Elements, labels_of, members_of
from gateway.export.deidentify.keys import StudyKey
from gateway.export.deidentify.plan import Plan
from gateway.export.deidentify.policy import Policy
from gateway.export.deidentify.walk import Unreadable, Walk
from gateway.fhirpath import R4


class Deidentifier:
    """Applies a policy with a study's key; ages are reckoned by `today`. Safe between threads."""

    def __init__(self, policy: Policy, key: StudyKey, today: date) -> None:
        self.policy = policy
        self._key = key
        self._today = today
        self._plan = Plan(policy)
        self._elements: dict[bytes, Elements | None] = {}

    def apply(self, resource: Resource) -> Resource | None:
        """What may leave of a resource; None for one that cannot be judged, where the policy says `skip`.

        Every element that R4 does not know is left out. `meta.security` tells which methods were used. Raises
        `Unprocessable` (`export.deidentify`) for a resource of no known type, of too many levels, or with an object
        where R4 has a value.
        """
        try:
            walk = Walk(self._plan, self._key, self._today, resource if isinstance(resource, dict) else {})
            found = walk.resource(resource, None, "", 0)
        except Unreadable:
            self._skip_or_raise()
            return None
        return _labelled(found, walk.used)

    def apply_body(self, body: bytes) -> bytes | None:
        """`apply` for the bytes of a stored resource, and its answer as bytes: element by element where it can be,
        since most elements come again and what became of them is remembered."""
        members = members_of(body)
        kind = bytes(members.get("resourceType", b""))
        elements = self._elements.get(kind) or self._elements_of(kind)
        if elements is None:
            found = self.apply(loads_stored(body))
            return None if found is None else dumps(found)
        try:
            parts, used = elements.walk(members, self._key, self._today)
        except Unreadable:
            self._skip_or_raise()
            return None
        if not used:
            return b"".join((elements.head, *parts.values(), b"}"))
        identity, meta = parts.pop("id", b""), elements.labelled(parts.pop("meta", b""), used)
        return b"".join((elements.head, identity, meta, *parts.values(), b"}"))

    def _elements_of(self, kind: bytes) -> Elements | None:
        name = kind.decode().strip('"')
        if kind not in self._elements and R4.is_resource(name):
            self._elements[kind] = Elements.of(name, self._plan)
        return self._elements.get(kind)

    def _skip_or_raise(self) -> None:
        if self.policy.errors != "skip":
            raise Unprocessable(issue("export.deidentify")) from None


def _labelled(resource: Resource, used: set[str]) -> Resource:
    """The resource with the labels of the methods, in the order that R4 gives `id` and `meta`."""
    if not used:
        return resource
    meta = resource.get("meta", {})
    labelled: Resource = {"resourceType": resource["resourceType"]}
    if "id" in resource:
        labelled["id"] = resource["id"]
    labelled["meta"] = {**meta, "security": [*meta.get("security", ()), *labels_of(frozenset(used))]}
    return labelled | {key: value for key, value in resource.items() if key not in labelled}
