"""What all items of one kind share: written once into a function of the kind, carried into the one of a message.

The items of a list may be rows (`gateway.formats.Alike`): a kind and a few texts. In the loop over rows there is no
item. What an expression reads behind its base is either one of the texts, or the same for the kind. What is the same
is moved into a function that gets the kind's own item; what needs an item after all fills the list first.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeAlias

from gateway.fhirpath.printer import print_expression
from gateway.fhirpath.syntax import nodes
from gateway.mapping.fast.single_form import Operand, Writing
from gateway.mapping.fast.single_kind import Shared, Unfilled
from gateway.mapping.lineage import plain_path

_ITEM: Final = "item"
_Write: TypeAlias = Callable[[Writing, nodes.Expr, str], Operand]
_REAL = "R = L[ROWS.index(ROW)]"


def told(writer: Writing, node: nodes.Expr, focus: str, write: _Write) -> str | None:
    """The local of what `write` makes of a part that all items of the kind share; None for any other part."""
    shared, unfilled = writer.shared, writer.unfilled
    if unfilled is not None and is_nothing(unfilled, node, focus):
        return unfilled.nothing
    if shared is None or not shared.gives(node, focus, writer.known.variables):
        return None
    key = (getattr(write, "__name__", ""), print_expression(node), focus)
    local = shared.find(key)
    if local is None:
        with within(writer, shared):
            local = shared.keep(key, writer.local(write(writer, node, of_kind(writer, shared, focus))))
    return carried(writer, shared, local)


def is_nothing(unfilled: Unfilled, node: nodes.Expr | None, focus: str) -> bool:
    """True for a path, or the first item there, in a record that has nothing of its first name."""
    if isinstance(node, nodes.Call) and node.name == "first":
        node = node.target
    path = plain_path(node)
    return path is not None and focus == "focus" and unfilled.lacks(path[0])


def one(writer: Writing, node: nodes.Expr, focus: str) -> Operand:
    """The one item of a part, None for none."""
    return writer.one(node, focus)


def whole(writer: Writing, node: nodes.Expr, focus: str) -> str:
    """The local of the one item of a formula, None for none; more are unusual."""
    return writer.local(writer.solid(writer.one(node, focus)))


def of_kind(writer: Writing, shared: Shared, focus: str) -> str:
    """The local of a focus in the function of the kind."""
    if focus == shared.base:
        found = writer.step(_ITEM, shared.alike.base)
        writer.known.there.add(found)
        writer.known.solid.add(found)
        return found
    return _ITEM if focus == shared.item else focus


def carried(writer: Writing, shared: Shared, local: str) -> str:
    """The same local, of which is known what is known where it was made."""
    writer.known.take(shared.known, local, local)
    return local


@contextmanager
def within(writer: Writing, shared: Shared) -> Iterator[None]:
    """Appends to the function of the kind."""
    known, outer, unfilled, loop = writer.known, writer.outer, writer.unfilled, writer.shared
    shared.known.variables = shared.variables(known.variables)
    writer.known, writer.outer, writer.unfilled, writer.shared, writer.sealed = shared.known, None, None, None, True
    with writer.code.into(shared.block):
        yield
    writer.known, writer.outer, writer.unfilled, writer.shared, writer.sealed = known, outer, unfilled, loop, False


def filled(writer: Writing, focus: str) -> str:
    """Fills the lists, and gives the local of a focus for FHIRPath."""
    code, shared, unfilled = writer.code, writer.shared, writer.unfilled
    code.run("scope.fill()")
    if unfilled is not None and focus in unfilled.told:
        base = code.fresh()
        code.run("B = focus[NAME]", B=base, NAME=code.bind(unfilled.told[focus]))
        return base
    if shared is None or unfilled is None or not shared.row:
        return focus
    real = writer.known.places.get("item", shared.item)
    if real == shared.item:
        real = code.fresh()
        code.run(_REAL, R=real, L=unfilled.listed, ROWS=unfilled.rows, ROW=shared.row)
        writer.known.places["item"] = real
        writer.known.stored.discard("item")
    if focus != shared.base:
        return real if focus == shared.item else focus
    base = code.fresh()
    code.run("B = R[NAME]", B=base, R=real, NAME=code.bind(shared.alike.base))
    return base


def together(
    shared: Shared, operands: Sequence[nodes.Expr], focus: str, variables: dict[str, str]
) -> tuple[nodes.Expr, ...]:
    """The operands of a text, those side by side that items of a kind share as one of them."""
    found: list[nodes.Expr] = []
    run: list[nodes.Expr] = []
    for node in (*operands, None):
        if node is not None and (isinstance(node, nodes.Literal) or shared.has(node, focus, variables)):
            run.append(node)
            continue
        is_one = len(run) > 1 and not all(isinstance(part, nodes.Literal) for part in run)
        found += [nodes.Chain("&", tuple(run), 0, 0)] if is_one else run
        run = []
        found += () if node is None else (node,)
    return tuple(found)


def looked_at(writer: Writing, focus: str) -> str:
    """The local of a focus that may be asked for anything: the record and an item are whole then."""
    shared, unfilled = writer.shared, writer.unfilled
    if unfilled is None or focus not in ("focus", *unfilled.told, *((shared.item, shared.base) if shared else ())):
        return focus
    return filled(writer, focus)
