"""Calls of functions whose arguments are evaluated before: ours, and those that the caller of `compile` adds."""

from collections.abc import Callable
from typing import Any, Final, Protocol

from gateway.fhirpath.forms.form import Generation, Place
from gateway.fhirpath.functions import FUNCTIONS, Function, FunctionSpec
from gateway.fhirpath.functions.convert import integer, number, text, truth
from gateway.fhirpath.functions.registry import Data, Takes
from gateway.fhirpath.syntax.nodes import Call

_CONVERT: Final[dict[Takes, tuple[type, Callable[[Any], Any]]]] = {
    "String": (str, text),
    "Integer": (int, integer),
    "Number": (int, number),
    "Boolean": (bool, truth),
}


class Calling(Generation, Protocol):
    """A generation that knows the caller's functions."""

    functions: dict[str, FunctionSpec]


def call(generation: Calling, node: Call, place: Place) -> str:
    """The local that holds the result of a call: a value or None, or a list."""
    added = generation.functions.get(node.name)
    if added is not None:
        return _added(generation, node, added, place)
    return _plain(generation, node, FUNCTIONS[node.name], place)


def _added(generation: Calling, node: Call, function: FunctionSpec, place: Place) -> str:
    code = generation.code
    focus = generation.focus_list(node, place)
    arguments = [generation.collect(argument, place) for argument in node.arguments]
    result = code.fresh("l")
    names = {f"A{position}": argument for position, argument in enumerate(arguments)}
    listed = ", ".join(["env", *("FOCUS", *names)] if function.env else ["FOCUS", *names])
    code.run(f"R = F({listed})", R=result, F=generation.bind(function.call), FOCUS=focus, **names)
    return result


def _plain(generation: Calling, node: Call, function: Function, place: Place) -> str:
    code = generation.code
    result = code.fresh()
    many = (function.returns is None and function.focus == "Items") or (
        function.returns is not None and function.returns.many
    )
    focus = generation.focus_list(node, place) if function.focus == "Items" else generation.focus_one(node, place)
    values = [focus] if function.focus == "Items" else [_converted(generation, focus, function.focus)]
    needed = [] if function.focus == "Items" else values[:]
    for argument, takes in zip(node.arguments, function.parameters(len(node.arguments)), strict=True):
        if takes == "Items":
            values.append(generation.collect(argument, place))
            continue
        value = _converted(generation, generation.one(argument, place), takes)
        values.append(value)
        if function.focus != "Items":
            needed.append(value)
    names = {f"A{position}": value for position, value in enumerate(values)}
    extra = {"env": ["env"], "data": ["DATA(MODEL, TYPED, env, focus)"], "": []}[function.needs]
    condition = " or ".join(f"A{values.index(value)} is None" for value in needed)
    empty = "()" if many else "None"
    made = f"F({', '.join([*extra, *names])})"
    code.run(
        f"R = {empty} if {condition} else {made}" if condition else f"R = {made}",
        R=result,
        F=generation.bind(function.call),
        DATA=generation.bind(Data),
        MODEL=generation.bind(generation.model),
        TYPED=generation.bind(generation.typed),
        **names,
    )
    return result


def _converted(generation: Generation, value: str, takes: Takes) -> str:
    if takes not in _CONVERT:
        return value
    kind, convert = _CONVERT[takes]
    code = generation.code
    result = code.fresh()
    code.run(
        "R = V if V is None or V.__class__ is K else CONVERT(V)",
        R=result,
        V=value,
        K=generation.bind(kind),
        CONVERT=generation.bind(convert),
    )
    return result
