"""One walk over a resource: every primitive value gets the method of the first rule that names it."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final, Literal

from gateway.core import Resource
from gateway.export.deidentify.keys import StudyKey
from gateway.export.deidentify.leaves import Leaf, Leaves
from gateway.export.deidentify.plan import Child, Node, Plan
from gateway.export.deidentify.subjects import subject_of
from gateway.fhirpath import R4

MAX_DEPTH: Final = 64
"""How deep a resource may be."""


class Unreadable(Exception):
    """The resource cannot be walked."""


class Walk:
    """The walk over one resource; `used` collects the names of methods that changed something.

    With `leaves` the values of a whole shape are walked at once, and what becomes of them is left in the tree.
    """

    __slots__ = ("_identity", "_leaves", "_plan", "_resource", "_shift", "key", "today", "used")

    def __init__(
        self, plan: Plan, key: StudyKey, today: date, resource: Resource, leaves: Leaves | None = None
    ) -> None:
        self.key = key
        self.today = today
        self.used: set[str] = set()
        self._plan = plan
        self._resource = resource
        self._identity = f"{resource.get('resourceType')}/{resource.get('id', '')}"
        self._shift: timedelta | Literal[False] | None = False
        self._leaves = leaves

    @property
    def shift(self) -> timedelta | None:
        """See `Subject.shift`; worked out when the first date asks for it."""
        if self._shift is False:
            subject = subject_of(self._resource)
            self._shift = timedelta(days=self.key.shift(subject)) if subject else None
        return self._shift

    @property
    def identity(self) -> str:
        """See `Subject.identity`."""
        return self._identity

    def resource(self, tree: Any, within: Node | None, element: str, depth: int) -> Resource:
        """What is left of a resource, at the top or in an element of another one."""
        kind = tree.get("resourceType") if isinstance(tree, dict) else None
        if not isinstance(kind, str) or not R4.is_resource(kind):
            raise Unreadable
        outer, self._identity = self._identity, f"{kind}/{tree.get('id', '')}"
        node = self._plan.resource(kind, within, element)
        found = {"resourceType": kind, **self.children(tree, node, depth)}
        self._identity = outer
        return found

    def children(self, tree: Any, node: Node, depth: int) -> dict[str, Any]:
        """What is left of the elements of a complex value."""
        if tree.__class__ is not dict or depth > MAX_DEPTH:
            raise Unreadable
        if node.asked:
            if self._leaves is not None:
                self._leaves.reveal(tree, node.reach)
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
            raise Unreadable
        if child.change is None:
            return value
        self.used.add(child.name)
        return replace(value, by=child) if value.__class__ is Leaf else child.change(value, self)
