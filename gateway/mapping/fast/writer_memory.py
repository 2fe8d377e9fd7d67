"""The writer of what is remembered of an item: looked up by its texts, or made and kept; see `remembering`."""

import ast
from collections.abc import Sequence
from typing import Any

from gateway.mapping.fast.remembering import Remembered, derived, keep
from gateway.mapping.fast.single import Singles
from gateway.mapping.fast.single_known import Known
from gateway.mapping.fast.writer_nodes import NodeWriter
from gateway.mapping.loose import Odd
from gateway.mapping.plan import Emit, Formula, remember

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


def write_base(nodes: NodeWriter, kept: Remembered, item: str) -> str:
    """The local with the object that holds what is looked up; anything else is unusual."""
    base, known = nodes.single.path(kept.base, item), nodes.single.known
    if base not in known.there or base not in known.solid:
        nodes.code.run(_OBJECT, B=base, ODD=nodes.code.bind(Odd))
        known.there.add(base)
        known.solid.add(base)
    return base


def write_derived(single: Singles, variables: Sequence[tuple[str, Formula]], item: str) -> None:
    """Assigns variables; those that are made of another one's text alone are looked up by it, or made and kept."""
    found = derived(variables) if single.usual else None
    if found is None:
        single.assign(tuple(variables), item)
        return
    position, count = found
    behind = position + 1
    single.assign(tuple(variables[:behind]), item)
    made, code, memory = variables[behind : behind + count], single.code, single.code.bind({})
    text, entry = single.known.variables[variables[position][0]], single.code.fresh()
    titles = [code.fresh() for _ in made]
    test = "V is not None" if single.kind(text) is str else "V.__class__ is str"
    code.run(f"FOUND = MEMORY.get(V) if {test} else None", FOUND=entry, MEMORY=memory, V=text)
    with single.inside(code.emit("if FOUND is None:\n    ...", FOUND=entry)):
        single.assign(tuple(made), item)
        known = single.known
        names: dict[str, str | ast.expr] = {f"V{number}": known.variables[one[0]] for number, one in enumerate(made)}
        code.run(f"FOUND = ({', '.join(names)},)\nREMEMBER(MEMORY, TEXT, FOUND)", FOUND=entry, MEMORY=memory,
                 TEXT=text, REMEMBER=code.bind(remember), **names)  # fmt: skip
    locals_of = {f"L{number}": title for number, title in enumerate(titles)}
    code.run(f"{', '.join(locals_of)}, = FOUND", FOUND=entry, **locals_of)
    _take(single, known, [name for name, _ in made], titles)
    single.assign(tuple(variables[behind + count :]), item)


def _take(single: Singles, known: Known, names: Sequence[str], titles: Sequence[str]) -> None:
    """The locals are the variables now; of each is known what was known where it was made."""
    for name, title in zip(names, titles, strict=True):
        single.known.take(known, known.variables[name], title)
        single.known.variables[name] = title
        single.known.stored.discard(name)


def _look_up(nodes: NodeWriter, kept: Remembered, item: str, names: dict[str, Any]) -> None:
    """Writes the key of an item, None for one that cannot be told by texts, and what is found by it."""
    code, base = nodes.code, write_base(nodes, kept, item)
    parts: dict[str, str | ast.expr] = {f"W{number}": code.fresh() for number in range(len(kept.whole))}
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
    _take(single, known, [name for name, _ in kept.variables], titles[: len(kept.variables)])
    return dict(zip(kept.fields, titles[len(kept.variables) :], strict=True))
