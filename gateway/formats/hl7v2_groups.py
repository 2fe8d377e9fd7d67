"""The groups of ORU_R01, built from a message's segments in one pass (`gateway.formats.hl7v2`)."""

from typing import Any, TypeAlias

from msgspec import Struct

from gateway.formats.hl7v2_locate import Located, Message
from gateway.formats.hl7v2_results import Row
from gateway.formats.hl7v2_segments import Segment

Unfilled: TypeAlias = tuple[list[dict[str, Segment]], list[Row]]
"""An empty list of results, and the rows of those that belong into it."""

_OF_PATIENT = frozenset(("PD1",))
_OF_VISIT = frozenset(("PV1", "PV2"))


def flat(message: Message) -> Located:
    """A message without known groups: MSH one, the others lists by name."""
    tree: Located = {}
    for name, segment in message:
        if name == "MSH":
            tree[name] = segment
        else:
            tree.setdefault(name, []).append(segment)
    return tree


def oru_groups(message: Message) -> Located:
    """The groups of an ORU message; see section 7.3.1 of HL7 v2.5.1."""
    builder = _OruBuilder.of(message[0][1])
    results: list[dict[str, Any]] | None = None
    for name, segment in message[1:]:
        if name != "OBX":
            if results:
                builder.place, results = results[-1], None
            builder.add(name, segment)
        elif results:
            results.append({"OBX": segment})
        else:
            results = builder.add_result(segment)
    return builder.finish()


def oru_outline(message: Message) -> tuple[Located, list[Unfilled]] | None:
    """As `oru_groups`, without results: their empty lists and their rows, in order.

    None where a result has no row, notes, or is one of a specimen.
    """
    builder = _OruBuilder.of(message[0][1])
    unfilled: list[Unfilled] = []
    rows: list[Row] | None = None
    behind: dict[str, Any] = {}
    for name, segment in message[1:]:
        if name != "OBX":
            if rows:
                builder.place, rows = behind, None
            builder.add(name, segment)
        elif segment.__class__ is dict or builder.specimens or behind:
            return None
        elif rows:
            rows += segment
        else:
            empty: list[dict[str, Segment]] = []
            rows = builder.open_results(empty, segment.copy())
            unfilled.append((empty, rows))
    return None if behind else (builder.finish(), unfilled)


class _OruBuilder(Struct, eq=False):
    """Keeps the groups that are open; `place` is where a segment without a place of its own goes: first the root."""

    root: Located
    place: dict[str, Any]
    result: dict[str, Any] | None = None
    order: dict[str, Any] | None = None
    observations: list[Any] = []
    specimens: list[dict[str, Any]] = []

    @classmethod
    def of(cls, header: Segment) -> "_OruBuilder":
        """Nothing is open."""
        root = {"MSH": header}
        return cls(root, root)

    def add_result(self, segment: Segment) -> list[dict[str, Any]] | None:
        """Takes an OBX; returns where the next goes if it follows at once, None where it tells of a specimen."""
        if self.specimens:
            self.specimens[-1].setdefault("OBX", []).append(segment)
            return None
        order = self._open_order() if self.order is None else self.order
        self.place = {"OBX": segment}
        if not self.observations:
            order["OBSERVATION"] = self.observations
        self.observations.append(self.place)
        return self.observations

    def open_results(self, results: list[dict[str, Any]], rows: list[Row]) -> list[Row]:
        """The list of results of the order is `results`, for which there are the rows."""
        order = self._open_order() if self.order is None else self.order
        order["OBSERVATION"], self.observations = results, rows
        return rows

    def add(self, name: str, segment: Segment) -> None:
        """Takes any other segment."""
        if name in ("OBR", "ORC"):
            self._order(name, segment)
        elif name == "SPM":
            self._specimen(segment)
        elif name == "PID":
            self._patient(segment)
        elif self.order is None and self.result is not None and name in _OF_PATIENT:
            self.result["PATIENT"][name] = segment
        elif self.order is None and self.result is not None and name in _OF_VISIT:
            self.result["PATIENT"].setdefault("VISIT", {})[name] = segment
        else:
            self.place.setdefault(name, []).append(segment)

    def _patient(self, segment: Segment) -> None:
        self._open_result()["PATIENT"] = self.place = {"PID": segment}

    def _open_result(self) -> dict[str, Any]:
        self.result = {}
        self.order = None
        self.observations, self.specimens = [], []
        self.root.setdefault("PATIENT_RESULT", []).append(self.result)
        return self.result

    def _order(self, name: str, segment: Segment) -> None:
        order = self.order
        if order is None or "OBR" in order or (name == "ORC" and order) or self.observations:
            order = self._open_order()
        order[name] = segment
        self.place = order

    def _open_order(self) -> dict[str, Any]:
        result = self._open_result() if self.result is None else self.result
        self.order = {}
        self.observations, self.specimens = [], []
        result.setdefault("ORDER_OBSERVATION", []).append(self.order)
        return self.order

    def _specimen(self, segment: Segment) -> None:
        order = self._open_order() if self.order is None else self.order
        self.place = {"SPM": segment}
        if not self.specimens:
            order["SPECIMEN"] = self.specimens
        self.specimens.append(self.place)

    def finish(self) -> Located:
        for result in self.root.get("PATIENT_RESULT", ()):
            for order in result.get("ORDER_OBSERVATION", ()):
                if "PATIENT" in result:
                    order["PATIENT"] = result["PATIENT"]
                order["MSH"] = self.root["MSH"]
        return self.root
