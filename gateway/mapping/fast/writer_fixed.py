"""Elements that are the same in a whole unit: made once, when the function is bound."""

from collections.abc import Hashable

from gateway.mapping.plan import Constant, Formula, Items, Map, Node, Series, Value


def is_fixed(node: Node | Series) -> bool:
    """True for what is the same in the whole unit."""
    match node:
        case Constant():
            return True
        case Value(formula=formula):
            return formula.fixed
        case Map(fields=fields, when=when, foreach=foreach):
            return all(part is None or part.fixed for part in (when, foreach)) and all(
                is_fixed(child) for _, child in fields
            )
        case Items(nodes=children):
            return all(map(is_fixed, children))
    return False


def sayings(node: Node | Series) -> Hashable:
    """What an element says, wherever in the file it says so: elements that say the same are the same object."""
    match node:
        case Constant(value=value):
            return repr(value)
        case Value(formula=formula, target=target):
            return formula.text, target.type, target.many, target.primitive, target.required
        case Map(fields=fields, when=when, foreach=foreach, vital=vital):
            said = tuple((key, sayings(child), _is_required(child)) for key, child in fields)
            return _text(when), _text(foreach), vital, said
        case Items(nodes=children):
            return tuple(map(sayings, children))
    return id(node)


def _is_required(node: Node | Series) -> bool:
    return not isinstance(node, Constant | Series) and node.target.required


def _text(formula: Formula | None) -> str | None:
    return None if formula is None else formula.text
