"""where, select, repeat, sort, and the rest that picks or makes items.

See https://hl7.org/fhirpath/N1/#filtering-and-projection.
"""

from collections.abc import Callable
from typing import Final

from gateway.fhirpath.facts import Analysis, Scope
from gateway.fhirpath.forms.form import Consume, Form, Generation, Item, Place
from gateway.fhirpath.kinds import Kind
from gateway.fhirpath.operands import require_boolean
from gateway.fhirpath.runtime import sort_items, walk
from gateway.fhirpath.syntax.nodes import Call, Expr, Special, Unary, children
from gateway.fhirpath.values.equality import distinct


def uses_index(node: Expr) -> bool:
    """Whether `$index` is written somewhere in the expression."""
    todo = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, Special) and part.name == "index":
            return True
        todo.extend(children(part))
    return False


def for_each(
    generation: Generation, node: Call, place: Place, body: Callable[[Item, Place], None], argument: int = 0
) -> None:
    """Appends a loop over the focus; counts `$index` only when the argument asks for it."""
    code = generation.code
    counter = code.fresh("i") if node.arguments and uses_index(node.arguments[argument]) else None
    if counter is not None:
        code.emit("I = -1", I=counter)

    def consume(item: Item) -> None:
        if counter is not None:
            code.emit("I += 1", I=counter)
        body(item, place.at(item, counter))

    generation.focus(node, place, consume)


def _analyse_where(analysis: Analysis, node: Call, target: Kind, scope: Scope) -> tuple[Kind, Scope]:
    criteria = analysis.kind(node.arguments[0], scope.inside(target))
    require_boolean(analysis, criteria, node.arguments[0], node.name)
    return target, scope


def _where(generation: Generation, node: Call, place: Place, consume: Consume) -> None:
    code = generation.code

    def body(item: Item, inner: Place) -> None:
        holds = generation.truth(node.arguments[0], inner)
        with code.into(code.emit("if C is True:\n    ...", C=holds)):
            consume(item)

    for_each(generation, node, place, body)


def _analyse_select(analysis: Analysis, node: Call, target: Kind, scope: Scope) -> tuple[Kind, Scope]:
    found = analysis.kind(node.arguments[0], scope.inside(target))
    return Kind(found.types, found.many or target.many, found.ordered and target.ordered), scope


def _select(generation: Generation, node: Call, place: Place, consume: Consume) -> None:
    for_each(generation, node, place, lambda _item, inner: generation.each(node.arguments[0], inner, consume))


def _analyse_repeat(analysis: Analysis, node: Call, target: Kind, scope: Scope) -> tuple[Kind, Scope]:
    found = analysis.kind(node.arguments[0], scope.uncounted(target))
    for _ in range(3):
        again = analysis.kind(node.arguments[0], scope.uncounted(target.join(found)))
        if again.types == found.types:
            break
        found = found.join(again)
    analysis.facts.kinds[-id(node)] = target.join(found).one()
    return Kind(found.types, many=True, ordered=target.ordered), scope


def _repeat(generation: Generation, node: Call, place: Place, consume: Consume) -> None:
    code = generation.code
    start = generation.focus_list(node, place)
    step, item, found = code.fresh("f"), code.fresh(), code.fresh("l")
    kind = generation.facts.kinds[-id(node)]
    with code.into(code.emit("def F(V):\n    ...", F=step, V=item)):
        outer, code.loops = code.loops, 0
        result = generation.collect(node.arguments[0], place.at(Item(item, kind)))
        code.emit("return R", R=result)
        code.loops = outer
    code.emit("L = WALK(S, F, ENV, UNIQUE)", L=found, WALK=generation.bind(walk), S=start, F=step, ENV="env",
              UNIQUE=generation.bind(node.name == "repeat"))  # fmt: skip
    each_of(generation, found, generation.facts.of(node), consume)


def each_of(generation: Generation, items: str, kind: Kind, consume: Consume) -> None:
    """Appends a loop over a local list."""
    code = generation.code
    item = code.fresh()
    with code.into(code.emit("for V in L:\n    ...", V=item, L=items), loop=True):
        consume(Item(item, kind.one()))


def _analyse_sort(analysis: Analysis, node: Call, target: Kind, scope: Scope) -> tuple[Kind, Scope]:
    for argument in node.arguments:
        analysis.kind(_sort_key(argument), scope.uncounted(target))
    return Kind(target.types, target.many, ordered=True), scope


def _sort_key(argument: Expr) -> Expr:
    return argument.operand if isinstance(argument, Unary) and argument.operator == "-" else argument


def _sort(generation: Generation, node: Call, place: Place, consume: Consume) -> None:
    code = generation.code
    items = generation.focus_list(node, place)
    keys, found = code.fresh("l"), code.fresh("l")
    downward = tuple(isinstance(argument, Unary) and argument.operator == "-" for argument in node.arguments)
    code.emit("K = []", K=keys)

    def add(item: Item) -> None:
        inner = place.at(item)
        row = code.fresh("l")
        code.emit("R = []", R=row)
        for argument in node.arguments:
            value = generation.one(_sort_key(argument), inner)
            code.emit("R.append(V)", R=row, V=value)
        code.emit("K.append(R)", K=keys, R=row)

    if node.arguments:
        each_of(generation, items, generation.facts.of(node), add)
    code.emit(
        "F = SORT(L, K, D)", F=found, SORT=generation.bind(sort_items), L=items, K=keys, D=generation.bind(downward)
    )
    each_of(generation, found, generation.facts.of(node), consume)


def _analyse_union(analysis: Analysis, node: Call, target: Kind, scope: Scope) -> tuple[Kind, Scope]:
    other = analysis.kind(node.arguments[0], scope)
    return Kind(target.join(other).types, many=True), scope


def _union(generation: Generation, node: Call, place: Place, consume: Consume) -> None:
    code = generation.code
    found = code.fresh("l")
    left, right = generation.focus_list(node, place), generation.collect(node.arguments[0], place)
    if node.name == "union":
        code.emit("L = D(A + B)", L=found, D=generation.bind(distinct), A=left, B=right)
    else:
        code.emit("L = A + B", L=found, A=left, B=right)
    each_of(generation, found, generation.facts.of(node), consume)


def _analyse_single(analysis: Analysis, node: Call, target: Kind, scope: Scope) -> tuple[Kind, Scope]:
    if node.name == "first":
        analysis.ordered(target, node.name, node.at)
    return target.one(), scope


def _first(generation: Generation, node: Call, place: Place) -> str:
    code = generation.code
    found = code.fresh()
    code.emit("F = None", F=found)
    depth = code.loops

    def take(item: Item) -> None:
        hole = code.emit("if F is None:\n    ...", F=found)
        with code.into(hole):
            code.emit("F = V", F=found, V=item.name)
        if code.loops > depth:
            code.emit("break")

    generation.focus(node, place, take)
    return found


def _single(generation: Generation, node: Call, place: Place) -> str:
    return generation.focus_one(node, place)


FORMS: Final = (
    Form(
        "where",
        "5.2.1",
        1,
        1,
        _analyse_where,
        each=_where,
        says="The items for which the condition is true.",
        examples=("(1 | 2).where($this > 1) = 2",),
    ),
    Form(
        "select",
        "5.2.2",
        1,
        1,
        _analyse_select,
        each=_select,
        says="What the expression gives for each item, all together.",
        examples=("(1 | 2).select($this + 1) = (2 | 3)",),
    ),
    Form(
        "repeat",
        "5.2.3",
        1,
        1,
        _analyse_repeat,
        each=_repeat,
        says="What the expression gives for the items, and for those it gave, each item once.",
        examples=("1.repeat(iif($this < 3, $this + 1)).count() = 2",),
    ),
    Form(
        "repeatAll",
        "STU: repeatAll",
        1,
        1,
        _analyse_repeat,
        each=_repeat,
        says="As repeat(), with repetitions; bounded by the budget.",
        examples=("1.repeatAll({}).empty()",),
    ),
    Form(
        "sort",
        "STU: sort",
        0,
        255,
        _analyse_sort,
        each=_sort,
        says="The items in the order of the keys; a minus before a key, or `desc` after it, turns it round.",
        examples=("(1 | 2).sort(-$this) = (2 | 1)",),
    ),
    Form(
        "union",
        "5.4.2",
        1,
        1,
        _analyse_union,
        each=_union,
        says="The items of both, each once.",
        examples=("(1 | 2).union(2).count() = 2",),
    ),
    Form(
        "combine",
        "5.4.3",
        1,
        1,
        _analyse_union,
        each=_union,
        says="The items of both, with repetitions.",
        examples=("(1 | 2).combine(2).count() = 3",),
    ),
    Form(
        "first", "5.3.3", 0, 0, _analyse_single, one=_first, says="The first item.", examples=("(1 | 2).first() = 1",)
    ),
    Form(
        "single",
        "5.3.2",
        0,
        0,
        _analyse_single,
        one=_single,
        says="The one item; several are a fault.",
        examples=("1.single() = 1",),
    ),
)
"""The forms of this file."""
