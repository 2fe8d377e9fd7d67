"""One walk over a resource: every primitive value gets the method of the first rule that names it."""

from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final, Literal

from gateway.core import Resource
from gateway.core.errors import Unprocessable
from gateway.core.issues import issue
from gateway.export.deidentify.keys import StudyKey
from gateway.export.deidentify.plan import Child, Node, Plan
from gateway.export.deidentify.policy import LABELS, Policy
from gateway.export.deidentify.subjects import subject_of
from gateway.fhirpath import R4

MAX_DEPTH: Final = 64
"""How deep a resource may be."""

_LABEL_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"


class Deidentifier:
    """Applies a policy with a study's key; ages are reckoned by `today`. Safe between threads."""

    def __init__(self, policy: Policy, key: StudyKey, today: date) -> None:
        self.policy = policy
        self._key = key
        self._today = today
        self._plan = Plan(policy)

    def apply(self, resource: Resource) -> Resource | None:
        """What may leave of a resource; None for one that cannot be judged, where the policy says `skip`.

        Every element that R4 does not know is left out. `meta.security` tells which methods were used. Raises
        `Unprocessable` (`export.deidentify`) for a resource of no known type, of too many levels, or with an object
        where R4 has a value.
        """
        walk = _Walk(self._plan, self._key, self._today, resource)
        try:
            found = walk.resource(resource, None, "", 0)
        except _Unreadable:
            if self.policy.errors == "skip":
                return None
            raise Unprocessable(issue("export.deidentify")) from None
        return _labelled(found, walk.used)


class _Unreadable(Exception):
    """The resource cannot be walked."""


class _Walk:
    """The walk over one resource; `used` collects the names of methods that changed something."""

    __slots__ = ("_plan", "_resource", "_shift", "identity", "key", "today", "used")

    def __init__(self, plan: Plan, key: StudyKey, today: date, resource: Resource) -> None:
        self.key = key
        self.today = today
        self.used: set[str] = set()
        self.identity = ""
        self._plan = plan
        self._resource = resource
        self._shift: timedelta | Literal[False] | None = False

    @property
    def shift(self) -> timedelta | None:
        """See `Subject.shift`; worked out when the first date asks for it."""
        if self._shift is False:
            subject = subject_of(self._resource)
            self._shift = timedelta(days=self.key.shift(subject)) if subject else None
        return self._shift

    def resource(self, tree: Any, within: Node | None, element: str, depth: int) -> Resource:
        kind = tree.get("resourceType") if isinstance(tree, dict) else None
        if not isinstance(kind, str) or not R4.is_resource(kind):
            raise _Unreadable
        self.identity = f"{kind}/{tree.get('id', '')}"
        node = self._plan.resource(kind, within, element)
        return {"resourceType": kind, **self.children(tree, node, depth)}

    def children(self, tree: Any, node: Node, depth: int) -> dict[str, Any]:
        """What is left of the elements of a complex value."""
        if tree.__class__ is not dict or depth > MAX_DEPTH:
            raise _Unreadable
        if node.asked:
            node = node.of(tree)
        found: dict[str, Any] = {}
        known = node.children
        for key, value in tree.items():
            child = known.get(key) or node.child(key)
            kept: Any
            if child.kind == "keep" and value.__class__ is str:
                found[key] = value
                continue
            if child.kind == "node" and value.__class__ is dict:
                kept = self.children(value, child.node, depth + 1)  # type: ignore[arg-type]  # a "node" has one
            elif value.__class__ is list:
                kept = self.many(value, child, depth)
            else:
                kept = self.one(value, child, depth)
                if kept is not None:
                    found[key] = kept
                continue
            if kept:
                found[key] = kept
        return found

    def many(self, values: list[Any], child: Child, depth: int) -> list[Any]:
        """What is left of the values of a repeating element."""
        if child.is_twin or child.kind == "drop":
            self.used.add("redact")  # the places of twins would no longer be those of the values that are left
            return []
        if child.kind == "node" and child.node is not None:
            node, depth = child.node, depth + 1
            return [kept for value in values if (kept := self.children(value, node, depth))]
        return [kept for value in values if (kept := self.one(value, child, depth)) is not None]

    def one(self, value: Any, child: Child, depth: int) -> Any:
        """What is left of one value; None where nothing is."""
        if child.node is not None:
            if child.kind == "resource":
                return self.resource(value, child.node, child.element, depth + 1)
            return self.children(value, child.node, depth + 1) or None
        if child.kind == "drop":
            if not child.is_head:
                self.used.add("redact")
            return None
        if value.__class__ is dict or value.__class__ is list or value is None:
            raise _Unreadable
        if child.change is None:
            return value
        self.used.add(child.name)
        return child.change(value, self)


def _labelled(resource: Resource, used: set[str]) -> Resource:
    """The resource with the labels of the methods, in the order that R4 gives `id` and `meta`."""
    if not used:
        return resource
    meta = resource.get("meta", {})
    labelled: Resource = {"resourceType": resource["resourceType"]}
    if "id" in resource:
        labelled["id"] = resource["id"]
    labelled["meta"] = {**meta, "security": [*meta.get("security", ()), *_labels(frozenset(used))]}
    return labelled | {key: value for key, value in resource.items() if key not in labelled}


@lru_cache(maxsize=256)
def _labels(used: frozenset[str]) -> tuple[dict[str, str], ...]:
    return tuple({"system": _LABEL_SYSTEM, "code": label} for label in sorted({LABELS[name] for name in used}))
