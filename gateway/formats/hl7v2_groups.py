"""The groups of ORU_R01, built from a message's segments in one pass (`gateway.formats.hl7v2`)."""

from typing import Any

from gateway.formats.decoded import Decoded
from gateway.formats.hl7v2_locate import Located, Message, Unfilled, Whole
from gateway.formats.hl7v2_orders import OrderRow
from gateway.formats.hl7v2_segments import Segment

_OF_ORDER = frozenset(("ORC", "OBR", "OBX", "SPM"))
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
    """The groups of an ORU message whose results are segments; see section 7.3.1 of HL7 v2.5.1."""
    return _grouped(message, [], {})[0]


def oru_outline(message: Message, unfilled: list[Unfilled]) -> Located | None:
    """As `oru_groups`, where the lists of results that are rows are empty: these, and their rows, go to `unfilled`.

    None where only some results are rows, and where one that is a row has notes or is one of a specimen.
    """
    own: list[Unfilled] = []
    behind: dict[str, Any] = {}
    tree, is_made = _grouped(message, own, behind)
    if behind or (own and is_made):
        return None
    unfilled += own
    return tree


def decoded_order(messages: list[Message], told: OrderRow) -> Decoded:
    """A message of a patient, an order and results, all of which have rows but the patient."""
    (_, header), (_, patient), (_, request), (_, rows) = messages[0]
    results: list[dict[str, Segment]] = []
    of_patient = {"PID": patient}
    order = {"OBR": request, "OBSERVATION": results, "PATIENT": of_patient, "MSH": header}
    tree = {"MSH": header, "PATIENT_RESULT": [{"PATIENT": of_patient, "ORDER_OBSERVATION": [order]}]}
    whole = Whole(tree, messages, [(results, rows)], told)
    return Decoded(tree, whole.locate, {id(results): rows, id(order): told}, whole.fill, whole.fill_records)


def outline_of_one_order(message: Message, unfilled: list[Unfilled]) -> Located | None:
    """As `oru_outline`, for a patient, an order, and its results, as most messages are; None for others."""
    order: dict[str, Any]
    if len(message) == 4:
        (_, header), (first, patient), (second, request), (last, rows) = message
        order = {"OBR": request}
    elif len(message) == 5 and message[2][0] == "ORC":
        (_, header), (first, patient), (_, common), (second, request), (last, rows) = message
        order = {"ORC": common, "OBR": request}
    else:
        return None
    if first != "PID" or second != "OBR" or last != "OBX" or rows.__class__ is not list:
        return None
    results: list[dict[str, Segment]] = []
    of_patient = {"PID": patient}
    order["OBSERVATION"], order["PATIENT"], order["MSH"] = results, of_patient, header
    unfilled.append((results, rows))
    return {"MSH": header, "PATIENT_RESULT": [{"PATIENT": of_patient, "ORDER_OBSERVATION": [order]}]}


def _grouped(message: Message, unfilled: list[Unfilled], behind: dict[str, Any]) -> tuple[Located, bool]:
    """The tree, and whether a result is no row; what would go into a result that is a row goes to `behind`."""
    root: Located = {"MSH": message[0][1]}
    # Where a segment without a place of its own goes: first the root, then what was opened last.
    place = root
    result: dict[str, Any] | None = None
    order: dict[str, Any] | None = None
    is_made = False
    for name, segment in message[1:]:
        if name == "PID":
            place = {"PID": segment}
            result, order = {"PATIENT": place}, None
            root.setdefault("PATIENT_RESULT", []).append(result)
        elif name not in _OF_ORDER:
            _add(place, result if order is None else None, name, segment)
        else:
            if order is None or _is_next(order, name):
                result, order = _opened(root, result)
            if name == "OBX" and segment.__class__ is list:
                results: list[dict[str, Segment]] = []
                unfilled.append((results, segment))
                order["OBSERVATION"], place = results, behind
                is_made = is_made or "SPECIMEN" in order
            else:
                place = _add_of_order(order, name, segment, place)
                is_made = is_made or name == "OBX"
    _finish(root)
    return root, is_made


def _is_next(order: dict[str, Any], name: str) -> bool:
    """Whether a segment begins another order than the open one."""
    return name == "ORC" or (name == "OBR" and ("OBR" in order or "OBSERVATION" in order))


def _opened(root: Located, result: dict[str, Any] | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The result, opened where there is none, and a new order in it."""
    if result is None:
        result = {}
        root.setdefault("PATIENT_RESULT", []).append(result)
    order: dict[str, Any] = {}
    result.setdefault("ORDER_OBSERVATION", []).append(order)
    return result, order


def _add_of_order(order: dict[str, Any], name: str, segment: Segment, place: dict[str, Any]) -> dict[str, Any]:
    """Adds an ORC, OBR, OBX or SPM to its order; returns where what follows it goes, `place` where that stays."""
    if name == "SPM":
        place = {name: segment}
        order.setdefault("SPECIMEN", []).append(place)
    elif name != "OBX":
        order[name] = segment
        place = order
    elif _is_of_specimen(order):
        order["SPECIMEN"][-1].setdefault(name, []).append(segment)
    else:
        place = {name: segment}
        order.setdefault("OBSERVATION", []).append(place)
    return place


def _is_of_specimen(order: dict[str, Any]) -> bool:
    """Whether an OBX is one of the specimen: behind results; some senders tell the specimen before its results."""
    names = [name for name in order if name in ("OBSERVATION", "SPECIMEN")]
    return names == ["OBSERVATION", "SPECIMEN"]


def _add(place: dict[str, Any], result: dict[str, Any] | None, name: str, segment: Segment) -> None:
    """Adds any other segment; `result` is the open one as long as it has no order."""
    if result is not None and name in _OF_PATIENT:
        result["PATIENT"][name] = segment
    elif result is not None and name in _OF_VISIT:
        result["PATIENT"].setdefault("VISIT", {})[name] = segment
    else:
        place.setdefault(name, []).append(segment)


def _finish(root: Located) -> None:
    """Every order has its patient and its header."""
    for result in root.get("PATIENT_RESULT", ()):
        for order in result.get("ORDER_OBSERVATION", ()):
            if "PATIENT" in result:
                order["PATIENT"] = result["PATIENT"]
            order["MSH"] = root["MSH"]
