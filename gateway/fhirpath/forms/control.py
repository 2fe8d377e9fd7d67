"""iif, coalesce, aggregate, trace, defineVariable.

See https://hl7.org/fhirpath/N1/#miscellaneous. `coalesce(a, b, ...)` is ours: the first argument that is not empty.
"""

from dataclasses import replace
from typing import Final

from gateway.fhirpath.facts import KNOWN_VARIABLES, RESERVED_PREFIXES, Analysis, Scope
from gateway.fhirpath.forms.filtering import each_of, for_each
from gateway.fhirpath.forms.form import Consume, Form, Generation, Item, Place
from gateway.fhirpath.kinds import NOTHING, Kind
from gateway.fhirpath.operands import require_boolean
from gateway.fhirpath.runtime import trace
from gateway.fhirpath.syntax.nodes import Call, Expr, Literal
from gateway.fhirpath.values.bounds import bounded


def _analyse_iif(analysis: Analysis, node: Call, target: Kind, scope: Scope) -> tuple[Kind, Scope]:
    inner = scope if node.target is None else scope.at(target.one())
    criteria, *branches = node.arguments
    require_boolean(analysis, analysis.kind(criteria, inner), criteria, "iif")
    found = NOTHING
    for branch in branches:
        kind = analysis.kind(branch, inner)
        found = found.join(kind)
    return found, scope


def _iif(generation: Generation, node: Call, place: Place, consume: Consume) -> None:
    code = generation.code
    inner = place
    if node.target is not None:
        inner = replace(
            place, this=generation.focus_one(node, place), kind=generation.facts.of(node.target).one(), shape="option"
        )
    holds, found = generation.truth(node.arguments[0], inner), code.fresh("l")
    with code.into(code.emit("if C is True:\n    ...", C=holds)):
        code.emit("L = V", L=found, V=generation.collect(node.arguments[1], inner))
    with code.into(code.emit("if C is not True:\n    ...", C=holds)):
        if len(node.arguments) > 2:
            code.emit("L = V", L=found, V=generation.collect(node.arguments[2], inner))
        else:
            code.emit("L = ()", L=found)
    each_of(generation, found, generation.facts.of(node), consume)


def _analyse_coalesce(analysis: Analysis, node: Call, _target: Kind, scope: Scope) -> tuple[Kind, Scope]:
    found = NOTHING
    for argument in node.arguments:
        found = found.join(analysis.kind(argument, scope))
    return found, scope


def _coalesce(generation: Generation, node: Call, place: Place, consume: Consume) -> None:
    code = generation.code
    found = code.fresh("l")
    code.emit("L = ()", L=found)
    outer = code.block
    for argument in node.arguments:
        hole = code.emit("if not L:\n    ...", L=found)
        code.block = hole
        code.emit("L = V", L=found, V=generation.collect(argument, place))
    code.block = outer
    each_of(generation, found, generation.facts.of(node), consume)


def _analyse_aggregate(analysis: Analysis, node: Call, target: Kind, scope: Scope) -> tuple[Kind, Scope]:
    start = analysis.kind(node.arguments[1], scope) if len(node.arguments) > 1 else NOTHING
    inner = scope.counting(target, Kind(None, many=start.many))
    found = analysis.kind(node.arguments[0], inner)
    return start.join(found), scope


def _aggregate(generation: Generation, node: Call, place: Place, consume: Consume) -> None:
    code = generation.code
    total = code.fresh("l")
    start = generation.collect(node.arguments[1], place) if len(node.arguments) > 1 else None
    code.emit("T = S", T=total, S=start) if start else code.emit("T = []", T=total)

    def body(_item: Item, inner: Place) -> None:
        result = generation.collect(node.arguments[0], replace(inner, total=total))
        code.emit("T = BOUNDED(R)", T=total, R=result, BOUNDED=generation.bind(bounded))

    for_each(generation, node, place, body)
    each_of(generation, total, generation.facts.of(node), consume)


def _analyse_trace(analysis: Analysis, node: Call, target: Kind, scope: Scope) -> tuple[Kind, Scope]:
    analysis.kind(node.arguments[0], scope)
    if len(node.arguments) > 1:
        analysis.kind(node.arguments[1], scope.uncounted(target))
    return target, scope


def _trace(generation: Generation, node: Call, place: Place, consume: Consume) -> None:
    code = generation.code
    items, name = generation.focus_list(node, place), generation.one(node.arguments[0], place)
    hole = code.emit("if env is not None and env.trace is not None:\n    ...")
    with code.into(hole):
        shown = items
        if len(node.arguments) > 1:
            shown = code.fresh("l")
            code.emit("L = []", L=shown)
            each_of(
                generation,
                items,
                generation.facts.of(node),
                lambda item: generation.each(
                    node.arguments[1],
                    place.at(item),
                    lambda part: code.run("L.append(V)", L=shown, V=part.name),
                ),
            )
        code.emit("TRACE(env, N, L)", TRACE=generation.bind(trace), N=name, L=shown)
    each_of(generation, items, generation.facts.of(node), consume)


def _analyse_define(analysis: Analysis, node: Call, target: Kind, scope: Scope) -> tuple[Kind, Scope]:
    name = _literal_name(node.arguments[0])
    if name is None:
        raise analysis.fail("fhirpath.argument", node.arguments[0].start, name=node.name, expected="a name in quotes")
    if name in scope.variables or name in KNOWN_VARIABLES or name.startswith(RESERVED_PREFIXES):
        raise analysis.fail("fhirpath.argument", node.arguments[0].start, name=node.name, expected="a new name")
    kind = target
    if len(node.arguments) > 1:
        kind = analysis.kind(node.arguments[1], scope.at(target))
    analysis.facts.kinds[-id(node)] = kind
    return target, scope.defining(name, node)


def _literal_name(node: Expr) -> str | None:
    return node.value if isinstance(node, Literal) and isinstance(node.value, str) else None


def _define(generation: Generation, node: Call, place: Place, consume: Consume) -> None:
    items = generation.focus_list(node, place)
    kind = generation.facts.of(node)
    value = items
    if len(node.arguments) > 1:
        value = generation.collect(node.arguments[1], replace(place, this=items, kind=kind, shape="list"))
        generation.code.run("BOUNDED(L)", BOUNDED=generation.bind(bounded), L=value)
    generation.define(node, value)
    each_of(generation, items, kind, consume)


FORMS: Final = (
    Form(
        "iif",
        "5.5.1",
        2,
        3,
        _analyse_iif,
        each=_iif,
        says="The second argument where the first is true, otherwise the third; the other is not evaluated.",
        examples=("iif(true, 1, 2) = 1",),
    ),
    Form(
        "coalesce",
        "own",
        1,
        255,
        _analyse_coalesce,
        each=_coalesce,
        says="The first argument that is not empty; `|` is a union and never a fallback.",
        examples=("coalesce({}, 2, 3) = 2",),
    ),
    Form(
        "aggregate",
        "7",
        1,
        2,
        _analyse_aggregate,
        each=_aggregate,
        says="The last value of the expression, which sees the one before as `$total`.",
        examples=("(1 | 2).aggregate($this + $total, 0) = 3",),
    ),
    Form(
        "trace",
        "5.8.1",
        1,
        2,
        _analyse_trace,
        each=_trace,
        says="The input; hands it to the caller's trace with the name.",
        examples=("1.trace('name') = 1",),
    ),
    Form(
        "defineVariable",
        "STU: defineVariable",
        1,
        2,
        _analyse_define,
        each=_define,
        says="The input; what follows may use the variable.",
        examples=("1.defineVariable('a').select(%a + 1) = 2",),
    ),
)
"""The forms of this file."""
