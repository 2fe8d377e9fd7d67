"""The walk over a stored resource by its top-level elements, as bytes.

What one source sends differs little from resource to resource: what became of an element's content is remembered and
written again, unless it was made of what only that resource has, such as its participant's days.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final, Literal

import msgspec

from gateway.core.codec import dumps, loads_stored
from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.export.deidentify.keys import StudyKey
from gateway.export.deidentify.plan import Node, Plan
from gateway.export.deidentify.policy import LABELS
from gateway.export.deidentify.subjects import subject_elements, subject_of
from gateway.export.deidentify.walk import Walk

MAX_CONTENTS: Final = 4_096
"""For how many contents of an element it is remembered what became of them."""

MAX_CONTENT: Final = 1_000
"""Larger contents, in bytes, hardly come again."""

MAX_ELEMENTS: Final = 200
"""How many elements of a type are known at a time; R4 has fewer of any."""

LABEL_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"

Members = Mapping[str, Any]
"""The top-level elements of a resource, each as its bytes."""

_BITS: Final = {name: 1 << place for place, name in enumerate(LABELS)}
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def members_of(body: bytes) -> Members:
    """The top-level elements of a stored body; raises `BadRequest` (`payload.not-json`) for anything else."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise BadRequest(issue("payload.not-json")) from None


def labels_of(methods: Iterable[str]) -> list[dict[str, str]]:
    """The codings that tell a reader which methods were used."""
    return [{"system": LABEL_SYSTEM, "code": label} for label in sorted({LABELS[name] for name in methods})]


@dataclass(slots=True)
class _Element:
    """One top-level element: its name, and what became of the contents seen, with the methods as bits."""

    name: str
    node: Node
    head: bytes
    known: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)
    varies: bool = False
    since: int = 0

    def made(self, content: bytes, walk: Walk, count: int) -> tuple[bytes, int]:
        """What becomes of a content: b"" when nothing is left."""
        walk.is_its_own = False
        value = loads_stored(content)
        child = self.node.children.get(self.name) or self.node.child(self.name)
        if child.change is not None and value.__class__ is str:
            kept = child.change(value, walk)
            found = (b"" if kept is None else self.head + dumps(kept), _BITS[child.name])
        else:
            walk.used = set()
            tree = walk.children({self.name: value}, self.node, 0)
            text = self.head + dumps(tree[self.name]) if tree else b""
            found = (text, sum(_BITS[name] for name in walk.used))
        if not (self.varies or walk.is_its_own or len(content) > MAX_CONTENT):
            self._keep(content, found, count)
        return found

    def _keep(self, content: bytes, found: tuple[bytes, int], count: int) -> None:
        """Contents that mostly do not come again are not remembered any longer."""
        if len(self.known) >= MAX_CONTENTS:
            self.varies = count - self.since < 2 * MAX_CONTENTS
            self.since = count
            self.known = {}
        if not self.varies:
            self.known[content] = found


class Elements:
    """The elements of one resource type under a policy, for one study's key.

    Safe between threads, which may make one twice.
    """

    def __init__(self, kind: str, plan: Plan, node: Node, subject: tuple[str, ...]) -> None:
        self.head = b'{"resourceType":' + dumps(kind)
        self._kind = kind
        self._plan = plan
        self._node = node
        self._subject = subject
        self._elements: dict[str, _Element] = {}
        self._labelled: dict[tuple[bytes, int], bytes] = {}
        self._shifts: dict[tuple[bytes, ...], timedelta | None] = {}
        self._count = 0

    @classmethod
    def of(cls, kind: str, plan: Plan) -> "Elements | None":
        """None when a rule asks about the resource as a whole, or when more than single elements name its patient."""
        node, subject = plan.resource(kind), subject_elements(kind)
        return None if node.asked or subject is None else cls(kind, plan, node, subject)

    def walk(self, members: Members, key: StudyKey, today: date) -> tuple[dict[str, bytes], int]:
        """What is left of each element, as it is written after others, and the methods used; raises `Unreadable`."""
        self._count += 1
        walk: Walk | None = None
        parts: dict[str, bytes] = {}
        used = 0
        for name, raw in members.items():
            element = self._elements.get(name) or self._element(name)
            content = bytes(raw)
            found = element.known.get(content)
            if found is None:
                if walk is None:
                    walk = self._begin(members, key, today)
                found = element.made(content, walk, self._count)
            parts[name] = found[0]
            used |= found[1]
        return parts, used

    def _begin(self, members: Members, key: StudyKey, today: date) -> Walk:
        """A walk over a resource of which only the elements are read that tell its identity and its patient."""
        resource = {"resourceType": self._kind, "id": loads_stored(members.get("id", b'""'))}
        said = tuple([bytes(members.get(name, b"")) for name in self._subject])
        shift: timedelta | Literal[False] | None = self._shifts.get(said, False)
        if shift is False:
            resource |= {name: loads_stored(one) for name, one in zip(self._subject, said, strict=True) if one}
            subject = subject_of(resource)
            shift = timedelta(days=key.shift(subject)) if subject else None
            if len(self._shifts) >= MAX_CONTENTS:
                self._shifts = {}
            self._shifts[said] = shift
        return Walk(self._plan, key, today, resource, shift)

    def labelled(self, meta: bytes, used: int) -> bytes:
        """The element `meta`, as it is left ("" for none), with the labels of the methods used."""
        found = self._labelled.get((meta, used))
        if found is None:
            tree = loads_stored(meta[len(_META) :]) if meta else {}
            labels = labels_of(name for name, bit in _BITS.items() if used & bit)
            found = _META + dumps({**tree, "security": [*tree.get("security", ()), *labels]})
            if len(self._labelled) >= MAX_CONTENTS:
                self._labelled = {}
            self._labelled[meta, used] = found
        return found

    def _element(self, name: str) -> _Element:
        if len(self._elements) >= MAX_ELEMENTS:
            self._elements = {}
        made = self._elements[name] = _Element(name, self._node, b"," + dumps(name) + b":")
        return made


_META: Final = b',"meta":'
