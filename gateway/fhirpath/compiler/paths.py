"""Steps from an element to the elements below it.

Three ways: by the model's cardinality and JSON names where the type is known, by looking at the data where it is not,
and as typed Elements where the expression asks for types that only the data tell.
"""

import ast

from gateway.fhirpath.errors import Malformed
from gateway.fhirpath.forms.form import Consume, Generation, Item
from gateway.fhirpath.kinds import SYSTEM_OF_FHIR, TEMPORAL, UNKNOWN_ITEM, Kind
from gateway.fhirpath.model import Model, Property
from gateway.fhirpath.runtime import choice, hollow, member, of_type, pair, structural
from gateway.fhirpath.types import ABSTRACT

_SINGLE = """
V = X.get(KEY)
if V.__class__ is list:
    raise MALFORMED
if V is not None:
    ...
"""
_SINGLE_PRIMITIVE = """
V = X.get(KEY)
if V is None:
    if TWIN in X:
        V = HOLLOW(X, KEY, TYPE)
elif V.__class__ is list:
    raise MALFORMED
if V is not None:
    ...
"""
_READ = """
V = X.get(KEY)
if V.__class__ is list:
    raise MALFORMED
"""
_READ_TEXT = """
V = X.get(KEY)
if V.__class__ is not str:
    if V is None:
        if TWIN in X:
            V = HOLLOW(X, KEY, TYPE)
    elif V.__class__ is list:
        raise MALFORMED
"""
_SINGLE_TEXT = f"{_READ_TEXT}if V is not None:\n    ..."
_CHOICE = """
V = X.get(KEY)
if V is None:
    V = CHOICE(X, KEYS)
if V is not None:
    ...
"""
_MANY = """
L = X.get(KEY)
if L is not None:
    if L.__class__ is not list:
        raise MALFORMED
    for V in L:
        ...
"""
_MANY_PRIMITIVE = """
L = X.get(KEY)
if TWIN in X:
    L = PAIR(L, X[TWIN], TYPE, typed=False)
elif L is None:
    L = ()
elif L.__class__ is not list:
    raise MALFORMED
for V in L:
    ...
"""
_OBJECT = """
if X.__class__ is dict:
    L = X.get(KEY)
    if L is not None:
        for V in L if L.__class__ is list else (L,):
            if V is not None:
                ...
"""
_STRUCTURAL = """
for V in STRUCTURAL(X, KEY, MODEL):
    ...
"""
_TYPED = """
for V in MEMBER(X, KEY, MODEL):
    ...
"""


def prefixed(generation: Generation, item: Item, name: str, kind: Kind, consume: Consume) -> None:
    """Appends code that runs `consume` for an item that is of the type that a path begins with."""
    types = item.kind.types
    if types is not None and types <= (kind.types or frozenset()) and not types & ABSTRACT:
        consume(Item(item.name, kind.one()))
        return
    code = generation.code
    hole = code.emit(
        "if OF(V, NAMES, MODEL):\n    ...",
        OF=generation.bind(of_type),
        V=item.name,
        NAMES=generation.bind((name,)),
        MODEL=generation.bind(generation.model),
    )
    with code.into(hole):
        consume(Item(item.name, kind.one()))


def step(generation: Generation, item: Item, name: str, found: Property | None, kind: Kind, consume: Consume) -> None:
    """Appends code that runs `consume` for each element `name` of an item; `found` is what the model says of it."""
    model = generation.model
    if model is None:
        _by_key(generation, item, name, consume)
    elif generation.typed:
        _loop(generation, _TYPED, item, name, Kind(kind.types, many=False), consume)
    elif found is None:
        _loop(generation, _STRUCTURAL, item, name, UNKNOWN_ITEM, consume)
    elif found.choice:
        _choice(generation, item, found, kind.one(), consume)
    else:
        _known(generation, item, found, kind.one(), model, consume)


def _by_key(generation: Generation, item: Item, name: str, consume: Consume) -> None:
    code = generation.code
    value = code.fresh()
    hole = code.emit(_OBJECT, X=item.name, L=code.fresh("l"), V=value, KEY=generation.bind(name))
    with code.into(hole, loop=True):
        consume(Item(value, UNKNOWN_ITEM))


def _loop(generation: Generation, source: str, item: Item, name: str, kind: Kind, consume: Consume) -> None:
    code = generation.code
    value = code.fresh()
    hole = code.emit(
        source,
        X=item.name,
        V=value,
        KEY=generation.bind(name),
        MODEL=generation.bind(generation.model),
        STRUCTURAL=generation.bind(structural),
        MEMBER=generation.bind(member),
    )
    with code.into(hole, loop=True):
        consume(Item(value, kind))


def _choice(generation: Generation, item: Item, found: Property, kind: Kind, consume: Consume) -> None:
    code = generation.code
    value = code.fresh()
    keys = tuple((name, type_name) for name, type_name in found.keys if kind.types is None or type_name in kind.types)
    if not keys:
        keys = (("", ""),)
    hole = code.emit(
        _CHOICE,
        X=item.name,
        V=value,
        KEY=generation.bind(keys[0][0]),
        KEYS=generation.bind(keys),
        CHOICE=generation.bind(choice),
    )
    with code.into(hole):
        consume(Item(value, kind))


def _known(generation: Generation, item: Item, found: Property, kind: Kind, model: Model, consume: Consume) -> None:
    type_name = found.keys[0][1]
    if not model.is_primitive(type_name):
        source = _MANY if found.many else _SINGLE
    elif found.many:
        source = _MANY_PRIMITIVE
    else:
        source = _SINGLE_TEXT if _is_text(type_name) else _SINGLE_PRIMITIVE
    value, hole = _emit(generation, source, item, found)
    with generation.code.into(hole, loop=found.many):
        consume(Item(value, kind))


def _is_text(type_name: str) -> bool:
    return SYSTEM_OF_FHIR.get(type_name) == "System.String" or type_name in TEMPORAL


def read(generation: Generation, item: Item, found: Property, model: Model) -> str | None:
    """Appends code; returns the local that holds an element that does not repeat, or None; None for others."""
    type_name = found.keys[0][1]
    if found.many or found.choice or (model.is_primitive(type_name) and not _is_text(type_name)):
        return None
    return _emit(generation, _READ_TEXT if model.is_primitive(type_name) else _READ, item, found)[0]


def _emit(generation: Generation, source: str, item: Item, found: Property) -> tuple[str, list[ast.stmt]]:
    """Appends a template; returns the local with the value and the block for what is done with it."""
    code = generation.code
    name, type_name = found.keys[0]
    value = code.fresh()
    hole = code.emit(
        source,
        X=item.name,
        V=value,
        L=code.fresh("l"),
        KEY=generation.bind(name),
        TWIN=generation.bind(f"_{name}"),
        TYPE=generation.bind(type_name),
        HOLLOW=generation.bind(hollow),
        PAIR=generation.bind(pair),
        MALFORMED=generation.bind(Malformed),
    )
    return value, hole
