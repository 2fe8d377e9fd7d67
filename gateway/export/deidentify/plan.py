"""A policy worked out for each place of a resource that data have shown so far: what a walk looks up.

A `Node` is a complex element in one situation: which rules are under way, and which one already decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from gateway.export.deidentify.methods import Change, Decision, Site
from gateway.export.deidentify.paths import NO_RULE, PathSet, State
from gateway.export.deidentify.policy import Policy
from gateway.export.deidentify.reach import Reach
from gateway.fhirpath import R4

Kind = Literal["keep", "drop", "change", "node", "resource"]


@dataclass(frozen=True, slots=True)
class Child:
    """What becomes of the values of one key: kept, dropped, changed by a method named `name`, or walked into."""

    kind: Kind
    name: str = ""
    change: Change | None = None
    node: "Node | None" = None
    element: str = ""
    is_twin: bool = False
    is_head: bool = False


DROP: Final = Child("drop", "redact")
HEAD: Final = Child("drop", is_head=True)
"""`resourceType`, which the walk writes itself."""


class Node:
    """A complex element of a type; `rule` decides what no rule of its own does, `going` are the rules under way.

    `asked` are conditions that a value must be asked first: `of` then gives the node for the answers. `children` are
    those that were met so far.
    """

    __slots__ = ("_plan", "asked", "children", "going", "rule", "type")

    def __init__(
        self, plan: "Plan", type_name: str, rule: int, going: State, asked: Sequence[tuple[int, int]]
    ) -> None:
        self.type = type_name
        self.rule = rule
        self.going = going
        self.asked = tuple(asked)
        self._plan = plan
        self.children: dict[str, Child] = {}

    def child(self, key: str) -> Child:
        """What becomes of the values of a key; kept in `children`."""
        found = self.children[key] = self._plan.child(self, key)
        return found

    @property
    def reach(self) -> Reach:
        """What of a value its conditions look at."""
        return self._plan.paths.reach(self.asked)

    def of(self, value: Any) -> "Node":
        """The node that this one is for a value."""
        if not self.asked:
            return self
        rule, going = self._plan.paths.ask(self.asked, value, self.type)
        return self._plan.node(self.type, min(self.rule, rule), self.going | going, ())


class Plan:
    """The nodes of a policy, each made once. Threads may make one twice, which does no harm."""

    def __init__(self, policy: Policy) -> None:
        self.paths = PathSet(rule.path for rule in policy.rules)
        self._policy = policy
        self._nodes: dict[tuple[str, int, State, tuple[tuple[int, int], ...]], Node] = {}
        self._roots: dict[tuple[Node | None, str, str], Node] = {}

    def node(self, type_name: str, rule: int, going: State, asked: tuple[tuple[int, int], ...]) -> Node:
        """The node of a type in a situation."""
        key = (type_name, rule, going, asked)
        found = self._nodes.get(key)
        if found is None:
            found = self._nodes[key] = Node(self, type_name, rule, going, asked)
        return found

    def resource(self, type_name: str, within: Node | None = None, element: str = "") -> Node:
        """The node of a resource, at the top or in an element of another one."""
        key = (within, element, type_name)
        found = self._roots.get(key)
        if found is None:
            going = within.going if within else frozenset()
            entry = self.paths.enter(going, element, type_name, is_resource=True)
            above = within.rule if within else NO_RULE
            found = self._roots[key] = self.node(type_name, min(above, entry.rule), entry.going, entry.asked)
        return found

    def child(self, node: Node, key: str) -> Child:
        """What becomes of the values that a node has at a key."""
        branch = _branches(node.type).get(key)
        if branch is None:
            return HEAD if key == "resourceType" and R4.is_resource(node.type) else DROP
        if branch.is_resource:
            return Child("resource", node=node, element=branch.name)
        type_name = "Element" if branch.is_twin else branch.type
        entry = self.paths.enter(node.going, branch.name, type_name)
        if branch.is_twin or not branch.is_primitive:
            # What decides for a primitive's value does not decide for its extensions.
            rule = NO_RULE if branch.is_twin else min(node.rule, entry.rule)
            below = self.node(type_name, rule, entry.going, entry.asked)
            return Child("node", node=below, is_twin=branch.is_twin)
        rule = min(node.rule, entry.rule)
        decision, name = self._decision(rule, Site(branch.type, branch.name, node.type))
        if isinstance(decision, str):
            return Child(decision, name)
        return Child("change", name, decision)

    def _decision(self, rule: int, site: Site) -> tuple[Decision, str]:
        if rule == NO_RULE:
            return self._policy.otherwise(site), "redact"
        found = self._policy.rules[rule]
        return found.method(site), found.name


def _branches(type_name: str) -> Mapping[str, Any]:
    return R4.branches(type_name)
