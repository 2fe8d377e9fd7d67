"""Operators as Python statements: texts joined by `&`, numbers."""

import ast
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, TypeVar

from gateway.fhirpath.syntax import nodes
from gateway.fhirpath.values.arithmetic import OPERATORS, concatenate
from gateway.mapping.budget import MAX_TEXT, within_limits
from gateway.mapping.fast.single_form import Operand, Writing
from gateway.mapping.fast.single_kind import Shared
from gateway.mapping.fast.single_logic import logic
from gateway.mapping.fast.single_outer import leading
from gateway.mapping.fast.single_shared import together, within
from gateway.mapping.loose import Odd, listed
from gateway.mapping.plan import Formula

_Writer = TypeVar("_Writer", bound=Writing)

MAX_BRIEF: Final = 10_000
"""How many characters a text has at most that items of a kind share and that is joined to others."""


_LIMITED = """
if V.__class__ is str and len(V) > MOST or V.__class__ is list:
    WITHIN(LISTED(V))
"""
_LIMITED_SOME = """
if V is not None and len(V) > MOST:
    WITHIN(LISTED(V))
"""
_LIMITED_TEXT = """
if len(V) > MOST:
    WITHIN(LISTED(V))
"""
_LIMITED_SHARED = """
if V.__class__ is str and len(V) > MOST:
    raise ODD
"""
_Wrote: TypeAlias = Callable[[_Writer, Formula, str], str]


def limited(write: _Wrote[_Writer]) -> _Wrote[_Writer]:
    """The same writer of formulas, where one that grows gives no more than a mapping may make."""

    def value(writer: _Writer, formula: Formula, focus: str) -> str:
        """The local that holds the loose value of a formula."""
        local = write(writer, formula, focus)
        if formula.grows:
            _limit(writer, local, is_keyed=any(formula is one for one in writer.keyed))
        return local

    return value


def _limit(writer: Writing, local: str, *, is_keyed: bool) -> None:
    """Writes what tells of a value that it is too large; of one that items of a kind share, where it is made."""
    code, known, shared = writer.code, writer.known, writer.shared
    is_shared = shared is not None and shared.has_local(local)
    if shared is not None and is_shared and local in known.solid:
        _limit_shared(writer, shared, local, MAX_TEXT)
        return
    if local in known.brief or (is_keyed and not is_shared):
        return
    is_text = known.kinds.get(local) is str
    source = _LIMITED_TEXT if is_text and local in known.there else _LIMITED_SOME if is_text else _LIMITED
    code.run(source, V=local, MOST=code.bind(MAX_TEXT), LISTED=code.bind(listed), WITHIN=code.bind(within_limits))


def _limit_shared(writer: Writing, shared: Shared, local: str, most: int) -> None:
    """What items of a kind share is unusual where it has more characters."""
    if shared.known.brief.get(local, MAX_TEXT + 1) > most:
        shared.known.brief[local] = most
        with within(writer, shared):
            writer.code.run(_LIMITED_SHARED, V=local, MOST=writer.code.bind(most), ODD=writer.code.bind(Odd))


def _brief(writer: Writing, sides: Sequence[Operand]) -> int | None:
    """How many characters texts have together at most; None where that may be more than a mapping may make."""
    shared = writer.shared
    own = [side for side in sides if isinstance(side, str) and shared is not None and shared.has_local(side)]
    others = [side for side in sides if side not in own]
    found = [writer.known.brief.get(side) if isinstance(side, str) else _size(side) for side in others]
    known = [most for most in found if most is not None]
    most = sum(known) + len(own) * MAX_BRIEF
    if len(known) < len(found) or most > MAX_TEXT:
        return None
    for side in own:
        assert shared is not None
        _limit_shared(writer, shared, side, MAX_BRIEF)
    return most


def _size(constant: ast.expr) -> int | None:
    value = getattr(constant, "value", ...)
    return len(value) if isinstance(value, str) else None


def operation(writer: Writing, node: nodes.Binary | nodes.Chain, focus: str) -> str:
    """The local of what an operator gives, None for nothing; a list for what is unusual."""
    if isinstance(node, nodes.Binary):
        return _number(writer, node, focus) if node.operator in OPERATORS else logic(writer, node, focus)
    if node.operator == "|":
        return writer.outlined(node, focus)
    return joined(writer, node, focus) if node.operator == "&" else logic(writer, node, focus)


def _number(writer: Writing, node: nodes.Binary, focus: str) -> str:
    answer = writer.code.fresh()
    left, right = (writer.solid(writer.local(writer.one(part, focus))) for part in (node.left, node.right))
    writer.code.run("R = None if A is None or B is None else F(A, B)", R=answer, A=left, B=right,
                    F=writer.code.bind(OPERATORS[node.operator]))  # fmt: skip
    return writer.made(answer)


def joined(writer: Writing, node: nodes.Chain, focus: str) -> str:
    """The local of texts joined by `&`, where nothing is an empty text."""
    code, operands = writer.code, node.operands
    if writer.outer is not None:
        operands = leading(node, writer.outer, writer.known.variables)
    if writer.shared is not None:
        operands = together(writer.shared, operands, focus, writer.known.variables)
    sides = [_side(writer, operand, focus) for operand in operands]
    answer, block, most = code.fresh(), code.block, _brief(writer, sides)
    if most is not None:
        writer.known.brief[answer] = most
    if writer.usual and all(writer.kind(side) is str for side in sides):
        names = {f"X{number}": side for number, side in enumerate(sides)}
        parts = {name: name if _is_there(writer, side) else f"{name} or ''" for name, side in names.items()}
        often = [name for (name, side), operand in zip(names.items(), operands, strict=True)
                 if not (_may_miss(operand) or _is_made_of_such(writer, operand, side))]  # fmt: skip
        whole = f'f"{"".join(f"{{{part}}}" for part in parts.values())}"'
        if len(often) == 1 < len(parts):
            missing = " or ".join(name for name in names if name != often[0])
            whole = f"{whole} if {missing} else {parts[often[0]]}"
        code.run(f"R = {whole}", R=answer, **names)
        writer.known.there.add(writer.made(answer, str))
        return writer.sure(answer) if any(map(writer.is_sure, sides)) else answer
    if writer.usual and not any(map(_may_miss, operands)):
        names = {f"X{number}": side for number, side in enumerate(sides)}
        tests = " and ".join(test for name, side in names.items() if (test := _test(writer, name, side)))
        whole = "".join(f"{{{name}}}" for name in names)
        block = code.emit(f'if {tests}:\n    R = f"{whole}"\nelse:\n    ...', R=answer, **names)
    there = [side for operand, side in zip(operands, sides, strict=True) if not _may_miss(operand)]
    if writer.usual and len(there) == 1 < len(sides):
        names = {f"X{number}": side for number, side in enumerate(sides) if _may_miss(operands[number])}
        missing = " and ".join(f"{name} is None" for name in names)
        alone = "R = X if X.__class__ is str else '' if X is None else JOIN(X, None)"
        block = code.emit(f"if {missing}:\n    {alone}\nelse:\n    ...", R=answer, X=there[0],
                          JOIN=code.bind(concatenate), **names)  # fmt: skip
    with code.into(block):
        result, *others = sides
        for other in others:
            code.run(_join(writer, result, other), R=answer, A=result, B=other, JOIN=code.bind(concatenate))
            result = writer.made(answer, str)
    writer.known.there.add(writer.made(answer, str))
    return writer.sure(answer) if any(map(writer.is_sure, sides)) else answer


def _is_made_of_such(writer: Writing, node: nodes.Expr, side: Operand) -> bool:
    """True for a text that items of a kind share, all of whose parts may be missing."""
    is_shared = writer.shared is not None and isinstance(side, str) and writer.shared.has_local(side)
    return is_shared and isinstance(node, nodes.Chain) and all(map(_may_miss, node.operands))


def _is_there(writer: Writing, side: Operand) -> bool:
    """True for what is known not to be None."""
    return not isinstance(side, str) or writer.is_sure(side) or side in writer.known.there


def _test(writer: Writing, name: str, side: Operand) -> str:
    """What tells that a side is a text; "" for what is known to be one."""
    if writer.kind(side) is str:
        return "" if _is_there(writer, side) else f"{name} is not None"
    return f"{name}.__class__ is str"


def _may_miss(node: nodes.Expr) -> bool:
    """True for what is nothing more often than not."""
    return isinstance(node, nodes.Call) and node.name == "iif" and len(node.arguments) == 2


def _join(writer: Writing, left: Operand, right: Operand) -> str:
    """How two sides are joined: a text and another, or nothing behind it, at once."""
    if not isinstance(left, str) and not isinstance(right, str):
        return "R = JOIN(A, B)"
    is_text = "A is not None" if writer.kind(left) is str else "A.__class__ is str"
    if not isinstance(left, str):
        is_text = ""
    if not isinstance(right, str):
        return f"R = A + B if {is_text or True} else JOIN(A, B)"
    both = "(A + B if B.__class__ is str else A if B is None else JOIN(A, B))"
    alone = "(B if B.__class__ is str else '' if B is None else JOIN(A, B)) if A is None else JOIN(A, B)"
    return f"R = {both} if {is_text} else {alone}" if is_text else f"R = {both}"


def _side(writer: Writing, node: nodes.Expr, focus: str) -> Operand:
    value = writer.one(node, focus)
    return value if writer.usual else writer.solid(value)
