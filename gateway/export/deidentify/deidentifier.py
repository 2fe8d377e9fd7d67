"""What may leave of a resource: as a tree, and as the bytes that are stored of it."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final

from gateway.core import Resource
from gateway.core.codec import dumps, loads_stored
from gateway.core.errors import Unprocessable
from gateway.core.issues import issue
from gateway.export.deidentify.keys import StudyKey
from gateway.export.deidentify.leaves import Leaves
from gateway.export.deidentify.order import in_order_of_content
from gateway.export.deidentify.plan import Plan
from gateway.export.deidentify.policy import LABELS, Policy
from gateway.export.deidentify.shapes import Shapes
from gateway.export.deidentify.walk import Unreadable, Walk

LABEL_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"


class Deidentifier:
    """Applies a policy with a study's key; ages are reckoned by `today`. Safe between threads."""

    def __init__(self, policy: Policy, key: StudyKey, today: date) -> None:
        self.policy = policy
        self._key = key
        self._today = today
        self._plan = Plan(policy)
        self._shapes = Shapes(key, today, self._walked)

    def apply(self, resource: Resource) -> Resource | None:
        """What may leave of a resource; None for one that cannot be judged, where the policy says `skip`.

        Every element that R4 does not know is left out. `meta.security` tells which methods were used. Raises
        `Unprocessable` (`export.deidentify`) for a resource of no known type, of too many levels, or with an object
        where R4 has a value.
        """
        try:
            return self._walked(resource)
        except Unreadable:
            if self.policy.errors != "skip":
                raise Unprocessable(issue("export.deidentify")) from None
            return None

    def apply_body(self, body: bytes) -> bytes | None:
        """`apply` for the bytes of a stored resource, and its answer as bytes: by the shape where that is known."""
        found = self._shapes.left(body)
        if found is not None:
            return found
        left = self.apply(loads_stored(body))
        return None if left is None else dumps(left)

    def apply_lines(self, lines: bytes) -> tuple[bytes, int]:
        """`apply_body` for bodies with a line feed behind each: the lines that are left, and how many."""
        found = self._shapes.left_of_lines(lines)
        if found is not None:
            return found
        left = [one for body in lines.split(b"\n")[:-1] if (one := self.apply_body(body)) is not None]
        return b"\n".join([*left, b""]), len(left)

    def apply_batches(self, batches: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
        """`apply_lines` for all of a file, some lines at a time and how many: sorted by what is left of them, since
        their order would tell whose record is older in truth. The first come when the last batch was read."""
        return in_order_of_content(self.apply_lines(lines)[0] for lines in batches)

    def _walked(self, resource: Resource, leaves: Leaves | None = None) -> Resource:
        walk = Walk(self._plan, self._key, self._today, resource if isinstance(resource, dict) else {}, leaves)
        return _labelled(walk.resource(resource, None, "", 0), walk.used)


def _labelled(resource: Resource, used: Iterable[str]) -> Resource:
    """The resource with the labels of the methods, in the order that R4 gives `id` and `meta`."""
    labels = sorted({LABELS[name] for name in used})
    if not labels:
        return resource
    meta = resource.get("meta", {})
    labelled: Resource = {"resourceType": resource["resourceType"]}
    if "id" in resource:
        labelled["id"] = resource["id"]
    security = [*meta.get("security", ()), *({"system": LABEL_SYSTEM, "code": label} for label in labels)]
    labelled["meta"] = {**meta, "security": security}
    return labelled | {key: value for key, value in resource.items() if key not in labelled}
