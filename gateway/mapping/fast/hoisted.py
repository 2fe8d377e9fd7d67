"""What is the same in all turns of a loop: computed once, before it."""

import ast
from collections import Counter
from collections.abc import Collection

from gateway.mapping.fast.folded import is_pure, names_in


def hoisted(loop: list[ast.stmt], varying: Collection[str]) -> list[ast.stmt]:
    """Takes statements out of a loop and returns them: they assign what locals of before it say, and cannot fail.

    `varying` are locals that the loop assigns elsewhere. What it does not always come to is left where it is.
    """
    stored = Counter(one.id for one in names_in(loop) if isinstance(one.ctx, ast.Store))
    stored.update(varying)
    found: list[ast.stmt] = []
    left: list[ast.stmt] = []
    for statement in loop:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if (
                stored[name] == 1 and is_pure(value) and not any(stored[one.id] for one in names_in([value]))
            ):
                found.append(statement)
                del stored[name]
            case _:
                left.append(statement)
    loop[:] = left
    return found
