"""exists, empty, all, count, not. See https://hl7.org/fhirpath/N1/#existence."""

from typing import Final

from gateway.fhirpath import kinds
from gateway.fhirpath.facts import Analysis, Scope
from gateway.fhirpath.forms.filtering import for_each
from gateway.fhirpath.forms.form import Form, Generation, Item, Place
from gateway.fhirpath.functions.convert import truth
from gateway.fhirpath.kinds import Kind
from gateway.fhirpath.operands import require_boolean
from gateway.fhirpath.syntax.nodes import Call


def _analyse(analysis: Analysis, node: Call, target: Kind, scope: Scope) -> tuple[Kind, Scope]:
    for argument in node.arguments:
        require_boolean(analysis, analysis.kind(argument, scope.inside(target)), argument, node.name)
    return kinds.INTEGER if node.name == "count" else kinds.BOOLEAN, scope


def _found(generation: Generation, node: Call, place: Place, *, start: bool) -> str:
    """`start`, turned into its opposite by the first item that counts."""
    code = generation.code
    answer = code.fresh("b")
    code.emit("A = START", A=answer, START=generation.bind(start))
    depth = code.loops

    def hit() -> None:
        code.emit("A = OTHER", A=answer, OTHER=generation.bind(not start))
        if code.loops > depth:
            code.emit("break")

    def body(_item: Item, inner: Place) -> None:
        if not node.arguments:
            hit()
            return
        holds = generation.truth(node.arguments[0], inner)
        source = "if C is not True:\n    ..." if node.name == "all" else "if C is True:\n    ..."
        with code.into(code.emit(source, C=holds)):
            hit()

    for_each(generation, node, place, body)
    return answer


def _exists(generation: Generation, node: Call, place: Place) -> str:
    return _found(generation, node, place, start=False)


def _none(generation: Generation, node: Call, place: Place) -> str:
    return _found(generation, node, place, start=True)


def _count(generation: Generation, node: Call, place: Place) -> str:
    code = generation.code
    number = code.fresh("n")
    code.emit("N = 0", N=number)
    generation.focus(node, place, lambda _item: code.run("N += 1", N=number))
    return number


def _not(generation: Generation, node: Call, place: Place) -> str:
    code = generation.code
    answer = code.fresh("b")
    value = generation.truth(node.target, place) if node.target is not None else _this_truth(generation, node, place)
    code.emit("A = None if V is None else not V", A=answer, V=value)
    return answer


def _this_truth(generation: Generation, node: Call, place: Place) -> str:
    value, answer = generation.focus_one(node, place), generation.code.fresh("b")
    generation.code.emit("A = T(V)", A=answer, T=generation.bind(truth), V=value)
    return answer


FORMS: Final = (
    Form(
        "exists",
        "5.1.2",
        0,
        1,
        _analyse,
        one=_exists,
        says="Whether there is an item, or one for which the condition is true.",
        examples=("(1 | 2).exists($this > 1)",),
    ),
    Form("empty", "5.1.1", 0, 0, _analyse, one=_none, says="Whether there is no item.", examples=("{}.empty()",)),
    Form(
        "all",
        "5.1.3",
        1,
        1,
        _analyse,
        one=_none,
        says="Whether the condition is true for every item.",
        examples=("(1 | 2).all($this > 0)",),
    ),
    Form(
        "count",
        "5.1.14",
        0,
        0,
        _analyse,
        one=_count,
        says="How many items there are.",
        examples=("(1 | 2).count() = 2",),
    ),
    Form("not", "5.1.15", 0, 0, _analyse, one=_not, says="The opposite of a truth value.", examples=("false.not()",)),
)
"""The forms of this file."""
