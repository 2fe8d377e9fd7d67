"""The writer of what rows of a kind share in the later branches of a choice: made when one of these is come to.

Most kinds of a payload need the first branch alone, and a kind that is new is told of all its elements at once.
"""

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gateway.mapping.fast.single import Singles
from gateway.mapping.kinds import Later
from gateway.mapping.plan import Branch

_LATER = """
def F():
    ...
"""


@contextmanager
def late_branches(single: Singles, branches: Sequence[Branch]) -> Iterator[Iterator[Branch]]:
    """The branches of a choice: what only those behind the first share is looked up where they begin."""
    shared, code = single.shared, single.code
    if shared is None or shared.late is not None or len(branches) < 2:
        yield iter(branches)
        return
    bundle, behind, block = code.fresh(), 0, code.block
    at_once, known = shared.block, shared.known

    def each() -> Iterator[Branch]:
        nonlocal behind
        yield branches[0]
        behind, shared.late, shared.block, shared.known = len(block), {}, [], known.copy()
        yield from branches[1:]

    yield each()
    late: dict[tuple[str, ...], str] = shared.late or {}
    later = shared.block
    shared.late, shared.block, shared.known = None, at_once, known
    if not late:
        return
    names = {f"M{number}": local for number, local in enumerate(dict.fromkeys(late.values()))}
    listed = ", ".join(names) + ","
    shared.keep(("late", bundle), bundle)
    with code.into(later):
        code.run(f"return ({listed})", **names)
    with code.into(shared.block):
        make = code.fresh("f")
        code.emit(_LATER, F=make).extend(later)
        code.run("V = LATER(F)", V=bundle, LATER=code.bind(Later), F=make)
    unpacked: list[ast.stmt] = []
    with code.into(unpacked):
        code.run(f"{listed} = V.made()", V=bundle, **names)
    block[behind:behind] = unpacked
