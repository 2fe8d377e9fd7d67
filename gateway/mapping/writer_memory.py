"""The writer of what is remembered of an item: looked up by its texts, or made and kept; see `remembering`."""

import ast
from typing import Any

from gateway.mapping.loose import Odd
from gateway.mapping.plan import Emit
from gateway.mapping.remembering import Remembered, keep
from gateway.mapping.single_known import Known
from gateway.mapping.writer_nodes import NodeWriter

_OBJECT = """
if B.__class__ is not dict:
    raise ODD
"""
_LOOK_UP = """
K = (PARTS,)
try:
    FOUND = MEMORY.get(K)
except TypeError:
    K = FOUND = None
"""
_WHOLE = """
W = B.get(NAME)
if W.__class__ is dict:
    W = (*W, *W.values())
"""
_KEEP = """
FOUND = (VALUES,)
if K is not None:
    KEEP(MEMORY, K, FOUND)
"""


def write_recalled(nodes: NodeWriter, emit: Emit, kept: Remembered, item: str) -> dict[str, str]:
    """Assigns the remembered variables; returns the locals with the remembered elements, None for none, by key.

    The locals are the same objects for all items that say the same.
    """
    code, single = nodes.code, nodes.single
    key, found, memory = code.fresh(), code.fresh(), code.bind({})
    _look_up(nodes, kept, item, {"K": key, "FOUND": found, "MEMORY": memory})
    with single.inside(code.emit("if FOUND is None:\n    ...", FOUND=found)):
        made = code.fresh("m")
        single.assign(kept.variables, item)
        for _, formula in kept.variables:
            single.text(formula, item)
        code.run("M = {}", M=made)
        nodes.put([one for one in emit.root.fields if one[0] in kept.fields], made, item)
        known = single.known
        values: dict[str, str | ast.expr] = {}
        for name, _ in kept.variables:
            values[f"V{len(values)}"] = known.variables[name]
        for name in kept.fields:
            local = values[f"V{len(values)}"] = code.fresh()
            code.run("V = M.get(NAME)", V=local, M=made, NAME=code.bind(name))
        code.run(_KEEP.replace("VALUES", ", ".join(values)), FOUND=found, K=key, KEEP=code.bind(keep), MEMORY=memory,
                 **values)  # fmt: skip
    return _unpacked(nodes, kept, found, known)


def _look_up(nodes: NodeWriter, kept: Remembered, item: str, names: dict[str, Any]) -> None:
    """Writes the key of an item, None for one that cannot be told by texts, and what is found by it."""
    code, single = nodes.code, nodes.single
    base = single.path(kept.base, item)
    parts: dict[str, str | ast.expr] = {f"W{number}": code.fresh() for number in range(len(kept.whole))}
    code.run(_OBJECT, B=base, ODD=code.bind(Odd))
    single.known.there.add(base)
    for local, name in zip(parts.values(), kept.whole, strict=True):
        code.run(_WHOLE, W=local, B=base, NAME=code.bind(name))
    texts: dict[str, str | ast.expr] = {f"N{number}": code.bind(name) for number, name in enumerate(kept.names)}
    key = ", ".join([*(f"B.get({name})" for name in texts), *parts])
    code.run(_LOOK_UP.replace("PARTS", key), B=base, **names, **texts, **parts)


def _unpacked(nodes: NodeWriter, kept: Remembered, found: str, known: Known) -> dict[str, str]:
    """Writes the locals of what was found; of the variables is known what was known where they were made."""
    code, single = nodes.code, nodes.single
    titles = [code.fresh() for _ in (*kept.variables, *kept.fields)]
    names = {f"L{number}": title for number, title in enumerate(titles)}
    code.run(f"{', '.join(names)}, = FOUND", FOUND=found, **names)
    for (name, _), title in zip(kept.variables, titles, strict=False):
        single.known.take(known, known.variables[name], title)
        single.known.variables[name] = title
        single.known.stored.discard(name)
    return dict(zip(kept.fields, titles[len(kept.variables) :], strict=True))
