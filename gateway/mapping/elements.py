"""R4 elements as templates see them: JSON names, with choices resolved to one type."""

from dataclasses import dataclass

from gateway.definitions import Definitions, Element

NUMBER_TYPES = frozenset({"decimal"})
INTEGER_TYPES = frozenset({"integer", "positiveInt", "unsignedInt"})
_BACKBONE = frozenset({"BackboneElement", "Element"})
_VITAL = {"Quantity": "value", "Identifier": "value", "Reference": "reference", "Coding": "code"}
_QUANTITIES = frozenset({"Age", "Count", "Distance", "Duration", "Money", "SimpleQuantity"})


@dataclass(frozen=True, slots=True)
class Slot:
    """What a JSON name of an object stands for.

    `inside` is the path whose children the value's own names are: a type name, or the element's path for a backbone
    element. `companion` is true for `_name`, the id and extensions of a primitive.
    """

    name: str
    element: Element
    type: str
    inside: str
    primitive: bool
    companion: bool = False

    @property
    def many(self) -> bool:
        """True when the element repeats."""
        return self.element.max is None or self.element.max > 1


def vital_name(type_name: str) -> str:
    """The element without which an object of this type says nothing; "" when there is none."""
    return "value" if type_name in _QUANTITIES else _VITAL.get(type_name, "")


def choice_stem(element: Element) -> str:
    """`value` of `value[x]`."""
    return element.name.removesuffix("[x]")


def find_slot(definitions: Definitions, parent: str, name: str) -> Slot | None:
    """The slot of JSON `name` in an object described by `parent`; None when there is none."""
    children = definitions.children(parent)
    plain = name.removeprefix("_")
    found = children.get(plain)
    slot: Slot | None
    if found is not None and not found.is_choice:
        slot = _slot(definitions, parent, plain, found, found.types[0].code if found.types else "")
    else:
        slot = _choice_slot(definitions, parent, plain)
    if slot is None or not name.startswith("_"):
        return slot
    if not slot.primitive:
        return None
    return Slot(name, slot.element, "Element", "Element", primitive=False, companion=True)


def _choice_slot(definitions: Definitions, parent: str, name: str) -> Slot | None:
    for element in definitions.children(parent).values():
        stem = choice_stem(element)
        if not element.is_choice or not name.startswith(stem):
            continue
        for reference in element.types:
            if name == stem + capitalised(reference.code):
                return _slot(definitions, parent, name, element, reference.code)
    return None


def choice_slot(definitions: Definitions, parent: str, choice: str, type_name: str) -> Slot | None:
    """The slot of one type of a choice, `value[x]` and `Quantity`; None when it cannot have that type."""
    element = definitions.children(parent).get(choice)
    if element is None or not any(reference.code == type_name for reference in element.types):
        return None
    return _slot(definitions, parent, choice_stem(element) + capitalised(type_name), element, type_name)


def capitalised(type_name: str) -> str:
    """`DateTime` of `dateTime`: how a type's name ends the JSON name of a choice."""
    return type_name[:1].upper() + type_name[1:]


def _slot(definitions: Definitions, parent: str, name: str, element: Element, type_name: str) -> Slot:
    own = type_name in _BACKBONE or not type_name
    inside = f"{parent}.{element.name}" if own else type_name
    return Slot(name, element, type_name, inside, primitive=not own and definitions.is_primitive(type_name))


def known_names(definitions: Definitions, parent: str) -> str:
    """The element names of an object, for hints; choices as `value[x]`."""
    names = [name for name in definitions.children(parent) if name not in ("id", "extension", "modifierExtension")]
    return ", ".join(names)
