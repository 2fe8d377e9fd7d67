"""ODM 2.0 read as 1.3: an item group right below an event is a form, the groups in it, however deep, are its groups.

A group that has items itself is the first group of its form. Of an item the texts of its `Value` elements are
`Value`: a text, or a list of several. What was there stays beside it.
"""

from typing import Any

from gateway.formats.decoded import Pointer
from gateway.formats.xml_tree import children

Moved = dict[Pointer, Pointer]
"""Where a group that was given to a form stands in the document, by its place in the tree."""


def forms_of_groups(root: dict[str, Any]) -> Moved:
    """Gives the events of an ODM 2.0 element their forms; the positions of what was moved."""
    moved: Moved = {}
    for at, clinical in enumerate(children(root, "ClinicalData")):
        for number, subject in enumerate(children(clinical, "SubjectData")):
            for index, event in enumerate(children(subject, "StudyEventData")):
                groups = children(event, "ItemGroupData")
                if "FormData" in event or not groups:
                    continue
                place = ("ClinicalData", at, "SubjectData", number, "StudyEventData", index)
                event["FormData"] = [
                    _form(group, (*place, "FormData", each), (*place, "ItemGroupData", each), moved)
                    for each, group in enumerate(groups)
                ]
    return moved


def _form(group: dict[str, Any], place: Pointer, real: Pointer, moved: Moved) -> dict[str, Any]:
    found: list[tuple[dict[str, Any], Pointer]] = []
    _collect(group, real, found)
    moved[place] = real
    moved.update({(*place, "ItemGroupData", index): at for index, (_, at) in enumerate(found)})
    names = {"FormOID": "ItemGroupOID", "FormRepeatKey": "ItemGroupRepeatKey", "TransactionType": "TransactionType"}
    about = {name: group[given] for name, given in names.items() if given in group}
    return {**about, "ItemGroupData": [each for each, _ in found]}


def _collect(group: dict[str, Any], real: Pointer, found: list[tuple[dict[str, Any], Pointer]]) -> None:
    """The group, where it has items, and those in it; each with items that read as those of 1.3."""
    items = children(group, "ItemData")
    if items:
        own = {name: value for name, value in group.items() if name != "ItemGroupData"}
        found.append(({**own, "ItemData": [_item(item) for item in items]}, real))
    for index, inner in enumerate(children(group, "ItemGroupData")):
        _collect(inner, (*real, "ItemGroupData", index), found)


def _item(item: dict[str, Any]) -> dict[str, Any]:
    values = item.get("Value")
    if not isinstance(values, list):
        return item
    texts = [value["text"].strip() for value in values if "text" in value]
    rest = {name: value for name, value in item.items() if name != "Value"}
    return {**rest, "Value": texts[0] if len(texts) == 1 else texts} if texts else rest
