"""Forms of an ODM file that come in pieces, made whole: Rave's data sets have an element of the form for each record.

Elements of the same form (same study, subject, event, form and repeats) that name different item groups are one: the
groups of the later ones become groups of the first. Elements that name the same group stay apart, since only one of
them can be right; so do transactions other than `Insert`, which are applied one after the other: of a form that is
there whole and removed in one file the later word counts, the earlier has `Superseded` (`Yes`). An event that is
named or dated in one of its pieces, or differently in two, has the first of these names and dates in all.
"""

from collections.abc import Iterator
from typing import Any

from gateway.formats.decoded import Pointer
from gateway.formats.odm_forms import Moved
from gateway.formats.xml_tree import children

_EVENT_KEYS = ("StudyOID", "SubjectKey", "StudyEventOID", "StudyEventRepeatKey")
_OF_AN_EVENT = ("StudyEventName", "StartDate", "EndDate", "InstanceDate")
_KEYS = (*_EVENT_KEYS, "FormOID", "FormRepeatKey")


def merge_forms(root: dict[str, Any]) -> tuple[dict[str, Any], Moved]:
    """The element with whole forms, and the positions of what was moved; forms know their keys already.

    It is `root` itself where no form comes in pieces, else a copy down to the groups: what `root` has keeps its
    place.
    """
    keys = [_key(form) for holder, _ in _holders(root) for form in children(holder, "FormData")]
    if len(set(keys)) == len(keys):
        return root, {}
    moved: Moved = {}
    made = _copied(root, ("ClinicalData", "SubjectData", "StudyEventData", "FormData"))
    whole: dict[tuple[Any, ...], tuple[dict[str, Any], Pointer]] = {}
    for holder, place in _holders(made):
        kept: list[dict[str, Any]] = []
        for index, form in enumerate(children(holder, "FormData")):
            first = whole.get(_key(form))
            if first is not None and _fits(first[0], form):
                _join(*first, form, (*place, index), moved)
                continue
            if len(kept) != index:
                moved[(*place, len(kept))] = (*place, index)
            if _is_whole(form):
                whole.setdefault(_key(form), (form, (*place, len(kept))))
            kept.append(form)
        holder["FormData"] = kept
    _supersede(made)
    return made, moved


def _supersede(root: dict[str, Any]) -> None:
    """Marks the forms that a later element of the same form removes, and those removed that come again."""
    last: dict[tuple[Any, ...], dict[str, Any]] = {}
    for holder, _ in _holders(root):
        for form in children(holder, "FormData"):
            if form.get("TransactionType") not in (None, "Insert", "Remove"):
                continue
            before = last.get(_key(form), {})
            if "Remove" in (before.get("TransactionType"), form.get("TransactionType")) and before:
                before["Superseded"] = "Yes"
            last[_key(form)] = form


def _key(form: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(form.get(name) for name in _KEYS)


def _copied(element: dict[str, Any], levels: tuple[str, ...]) -> dict[str, Any]:
    """The element with lists of its own: of the elements of `levels`, and of the item groups of forms."""
    made = dict(element)
    for number, level in enumerate(levels):
        if children(element, level):
            made[level] = [_copied(child, levels[number + 1 :]) for child in children(element, level)]
    if not levels and children(element, "ItemGroupData"):
        made["ItemGroupData"] = list(element["ItemGroupData"])
    return made


def name_events(root: dict[str, Any]) -> None:
    """Gives all pieces of an event, and the forms in them, the first name and dates that one of them has."""
    held = [
        (event, tuple(event.get(name) for name in _EVENT_KEYS))
        for clinical in children(root, "ClinicalData")
        for subject in children(clinical, "SubjectData")
        for event in children(subject, "StudyEventData")
    ]
    for name in _OF_AN_EVENT:
        said: dict[tuple[Any, ...], str] = {}
        for event, key in held:
            if name in event:
                said.setdefault(key, event[name])
        for event, key in held:
            if key in said:
                event[name] = said[key]
                for form in children(event, "FormData"):
                    form[name] = said[key]


def _holders(root: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Pointer]]:
    """The elements that have forms, with the path of their list of forms."""
    for at, clinical in enumerate(children(root, "ClinicalData")):
        for number, subject in enumerate(children(clinical, "SubjectData")):
            place = ("ClinicalData", at, "SubjectData", number)
            if children(subject, "FormData"):
                yield subject, (*place, "FormData")
            for index, event in enumerate(children(subject, "StudyEventData")):
                if children(event, "FormData"):
                    yield event, (*place, "StudyEventData", index, "FormData")


def _is_whole(form: dict[str, Any]) -> bool:
    return form.get("TransactionType") in (None, "Insert") and bool(children(form, "ItemGroupData"))


def _fits(first: dict[str, Any], form: dict[str, Any]) -> bool:
    return _is_whole(form) and _groups(first).isdisjoint(_groups(form))


def _groups(form: dict[str, Any]) -> set[tuple[Any, Any]]:
    return {(group.get("ItemGroupOID"), group.get("ItemGroupRepeatKey")) for group in children(form, "ItemGroupData")}


def _join(first: dict[str, Any], at: Pointer, form: dict[str, Any], place: Pointer, moved: Moved) -> None:
    groups = first["ItemGroupData"]
    for index, group in enumerate(children(form, "ItemGroupData")):
        moved[(*at, "ItemGroupData", len(groups))] = (*place, "ItemGroupData", index)
        groups.append(group)
