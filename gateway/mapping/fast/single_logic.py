"""Conditions as Python statements: True, False, or None for neither, as FHIRPath's logic has three values."""

import ast
from decimal import Decimal
from operator import eq, ge, gt, le, lt, ne
from typing import Final, TypeGuard

from gateway.fhirpath.syntax import nodes
from gateway.fhirpath.values.equality import equal
from gateway.mapping.fast.single_form import Operand, Writing
from gateway.mapping.fast.single_shared import told
from gateway.mapping.lineage import plain_path, walk
from gateway.mapping.loose import Odd
from gateway.mapping.plan import Formula

_FOUND: Final = frozenset({"exists", "empty", "not"})
_ORDERS: Final = frozenset({"<", "<=", ">", ">="})
_COMPARED: Final = {"=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
_COUNTED: Final = {
    (False, False): "False",
    (False, True): "(V is not None)",
    (True, False): "(V is None)",
    (True, True): "True",
}
"""What a comparison of a count is where there is one item or none, by what it is for none and for one."""

_AND = """
if A is False:
    R = False
else:
    ...
"""
_OR = """
if A is True:
    R = True
else:
    ...
"""
_IN = """
if V.__class__ is str:
    R = V in L
elif V is None:
    R = None
else:
    raise ODD
"""
_EQUALS_TEXT = """
if V.__class__ is str:
    R = V == C
elif V is None:
    R = None
else:
    raise ODD
"""
_ORDERED = """
if V.__class__ is D or V.__class__ is int:
    R = V OPERATOR C
elif V is None:
    R = None
else:
    raise ODD
"""
_NO_TEXT = """
if V.__class__ is not str and V is not None:
    raise ODD
"""
_EQUAL = "R = None if A is None or B is None else A == B if A.__class__ is B.__class__ is str else F(A, B)"
_ALL = """
if V is None:
    R = True
else:
    ...
"""
_TRUE = "R = V if V.__class__ is bool else None if V is None else True"
_NOT = "R = None if A is None else not A"


def is_boolean(node: nodes.Expr) -> bool:
    """True for what gives a boolean or nothing."""
    match node:
        case nodes.Call(name=name, arguments=()) if name in _FOUND:
            return node.target is not None
        case nodes.Call(name="all", arguments=(_,)):
            return node.target is not None
        case nodes.Chain(operator="and" | "or"):
            return True
        case nodes.Binary(operator="=" | "!=" | "in" as operator, right=right):
            return operator != "in" or _texts(right) is not None
        case nodes.Binary(operator=operator, right=nodes.Literal(value=int() | Decimal())):
            return operator in _ORDERS
    return False


def logic(writer: Writing, node: nodes.Expr, focus: str) -> str:
    """The local that holds the truth of a part of a formula; any item that is no boolean is true."""
    if (shared := told(writer, node, focus, logic)) is not None:
        return shared
    match node:
        case nodes.Call(name="exists" | "empty", arguments=(), target=target) if target is not None:
            return _found(writer, target, focus, "is not" if node.name == "exists" else "is")
        case nodes.Call(name="not", arguments=(), target=target) if target is not None:
            return _made(writer, _NOT, A=logic(writer, target, focus))
        case nodes.Call(name="all", arguments=(test,), target=target) if target is not None:
            return _all(writer, target, test, focus)
        case nodes.Chain(operator="and" | "or"):
            return _joined(writer, node, focus)
        case nodes.Binary(operator="=" | "!="):
            found = _equal(writer, node, focus)
            return found if node.operator == "=" else _made(writer, _NOT, A=found)
        case nodes.Binary(operator="in", right=right) if (texts := _texts(right)) is not None:
            value, code = writer.local(writer.one(node.left, focus)), writer.code
            return _made(writer, _IN, V=value, L=code.bind(texts), ODD=code.bind(Odd))
        case nodes.Binary(operator=operator, right=nodes.Literal(value=int() | Decimal() as limit)) if (
            operator in _ORDERS and not isinstance(limit, bool)
        ):
            value, code = writer.local(writer.one(node.left, focus)), writer.code
            source = _ORDERED.replace("OPERATOR", operator)
            return _made(
                writer, source, V=value, C=code.bind(Decimal(limit)), D=code.bind(Decimal), ODD=code.bind(Odd)
            )
    found = writer.outlined(node, focus) if isinstance(node, nodes.Binary) else writer.local(writer.one(node, focus))
    if writer.kind(found) is bool:
        return found
    return _made(writer, _TRUE, V=writer.solid(found))


def holds(writer: Writing, node: nodes.Expr, focus: str) -> str:
    """The local that tells whether a part of a formula is true, where False and nothing are the same."""
    if (shared := told(writer, node, focus, holds)) is not None:
        return shared
    if writer.usual and isinstance(node, nodes.Chain) and _leads_on(writer, node, focus):
        return _one_by_one(writer, node, focus)
    names: dict[str, Operand] = {}
    source = _plain(writer, node, focus, names)
    if source is None and _is_two_valued(node, writer):
        return _one_by_one(writer, node, focus)
    if source is None:
        return logic(writer, node, focus)
    answer = writer.code.fresh("b")
    writer.code.run(f"R = {source}", R=answer, **names)
    return writer.made(answer, bool)


def _leads_on(writer: Writing, node: nodes.Chain, focus: str) -> bool:
    """True where later parts of `and` or `or` read what is not read yet, and none of them can fail."""
    return (
        node.operator in ("and", "or")
        and all(map(_cannot_fail, node.operands))
        and any(not _is_walked(writer, path, focus) for part in node.operands[1:] for path in _paths(part))
    )


def _is_two_valued(node: nodes.Expr, writer: Writing) -> TypeGuard[nodes.Chain]:
    """True for `and` and `or` where what follows on nothing may be left out as it is on False: it cannot fail."""
    if not writer.usual or not isinstance(node, nodes.Chain) or node.operator not in ("and", "or"):
        return False
    return all(_cannot_fail(part) or _is_of_text(writer, part) for part in node.operands)


def _is_of_text(writer: Writing, node: nodes.Expr) -> bool:
    """True for what is asked of variables, and cannot fail as these are texts."""
    match node:
        case nodes.Chain():
            return _is_two_valued(node, writer)
        case nodes.Binary(operator="in", left=left, right=right):
            return plain_path(left) is not None and _texts(right) is not None
        case nodes.Call(name="exists" | "empty", arguments=(), target=nodes.Variable(name=name)):
            return writer.known.variables.get(name) in writer.known.solid
        case nodes.Call(name="matches", arguments=(nodes.Literal(value=str()),), target=nodes.Variable(name=name)):
            return writer.known.kinds.get(writer.known.variables.get(name, "")) is str
        case nodes.Call(name="iif", target=None, arguments=(test, *others)):
            return _is_of_text(writer, test) and all(isinstance(part, nodes.Literal) for part in others)
    return False


def _cannot_fail(node: nodes.Expr) -> bool:
    match node:
        case nodes.Call(name="exists" | "empty", arguments=(), target=target):
            return plain_path(target) is not None
        case nodes.Binary(operator="=" | "!=", left=left, right=nodes.Literal(value=str())):
            return plain_path(left) is not None
        case nodes.Chain(operator="and" | "or", operands=operands):
            return all(map(_cannot_fail, operands))
    return False


def _paths(node: nodes.Expr) -> list[tuple[str, ...]]:
    return [path for part in walk(node) if (path := plain_path(part)) is not None]


def _is_walked(writer: Writing, path: tuple[str, ...], focus: str) -> bool:
    base: str | None = focus
    for name in path:
        base = None if base is None else writer.known.paths.get((base, name))
    return base is not None


def _one_by_one(writer: Writing, node: nodes.Chain, focus: str) -> str:
    """The parts one after the other, as far as the first ones do not decide."""
    code, (first, *rest) = writer.code, node.operands
    answer, is_own = holds(writer, first, focus), writer.shared is None
    for part in rest:
        block: list[ast.stmt] = []
        with writer.inside(block):
            other = holds(writer, part, focus)
        alone = _alone(block, other)
        before, answer = answer, answer if is_own and alone is None else code.fresh("b")
        if alone is not None:
            code.run(f"R = A {node.operator} B", R=answer, A=before, B=alone)
        else:
            if not is_own:
                code.run("R = A", R=answer, A=before)
            hole = code.emit("if R:\n    ..." if node.operator == "and" else "if not R:\n    ...", R=answer)
            with code.into(hole):
                hole.extend(block)
                code.run("R = V", R=answer, V=other)
        is_own = True
    return writer.made(answer, bool)


def _alone(block: list[ast.stmt], answer: str) -> str | ast.expr | None:
    """What a local stands for that needs no statements, or only its own assignment; None for others."""
    match block:
        case [ast.Pass()]:
            return answer
        case [ast.Assign(targets=[ast.Name(id=name)], value=value)] if name == answer:
            return value
    return None


def _plain(writer: Writing, node: nodes.Expr, focus: str, names: dict[str, Operand]) -> str | None:
    """A condition over paths and variables, or one that items share, as one Python expression; None for others."""
    shared = told(writer, node, focus, holds)
    return _condition(writer, node, focus, names) if shared is None else _named(names, shared)


def _named(names: dict[str, Operand], operand: Operand) -> str:
    names[f"X{len(names)}"] = operand
    return f"X{len(names) - 1}"


def _condition(writer: Writing, node: nodes.Expr, focus: str, names: dict[str, Operand]) -> str | None:
    def named(operand: Operand) -> str:
        return _named(names, operand)

    match node:
        case nodes.Call(name="exists" | "empty" as name, arguments=(), target=target) if (
            target is not None and _is_path(target)
        ):
            value = writer.solid(writer.local(writer.one(target, focus)))
            test = f"{named(value)} {'is not' if name == 'exists' else 'is'} None"
            return str(name == "exists") if value in writer.known.there else test
        case nodes.Binary(operator="=" | "!=" as operator, left=left, right=nodes.Literal(value=str() as text)) if (
            _is_path(left)
        ):
            value = named(_text(writer, left, focus))
            if operator == "=":
                return f"{value} == {named(writer.code.bind(text))}"
            return f"({value} is not None and {value} != {named(writer.code.bind(text))})"
        case nodes.Binary(operator="in", left=left, right=right) if _is_path(left) and _texts(right) is not None:
            return f"{named(_text(writer, left, focus))} in {named(writer.code.bind(_texts(right)))}"
        case nodes.Binary(
            operator=operator,
            left=nodes.Call(name="count", arguments=(), target=target),
            right=nodes.Literal(value=int() as limit),
        ) if operator in _COMPARED and not isinstance(limit, bool) and target is not None and _is_path(target):
            value = writer.solid(writer.local(writer.one(target, focus)))
            none = _COMPARED[operator](1 if value in writer.known.there else 0, limit)
            return _COUNTED[none, _COMPARED[operator](1, limit)].replace("V", named(value))
        case nodes.Binary(
            operator=operator, left=nodes.Variable() as left, right=nodes.Literal(value=int() as limit)
        ) if operator in _ORDERS:
            variable = writer.one(left, focus)
            if writer.kind(variable) is not Decimal:
                return None
            value = named(variable)
            return f"({value} is not None and {value} {operator} {named(writer.code.bind(Decimal(limit)))})"
        case nodes.Chain(operator="and" | "or" as operator, operands=operands):
            return _chained(operator, [_plain(writer, part, focus, names) for part in operands])
    return None


def _chained(operator: str, parts: list[str | None]) -> str | None:
    """The parts as one Python expression, without those that decide nothing; None where one is None."""
    idle = str(operator == "and")
    known = [part for part in parts if part is not None and part != idle]
    if None in parts:
        return None
    return f"({f' {operator} '.join(known)})" if known else idle


def _is_path(tree: nodes.Expr | None) -> bool:
    node = tree
    while isinstance(node, nodes.Member):
        node = node.target
    return (
        node is None or isinstance(node, nodes.Variable) or (isinstance(node, nodes.Special) and node.name == "this")
    )


def _text(writer: Writing, node: nodes.Expr, focus: str) -> str:
    """The local that holds the text of a path or None; other values are unusual."""
    value = writer.local(writer.one(node, focus))
    if writer.kind(value) is not str:
        writer.code.run(_NO_TEXT, V=value, ODD=writer.code.bind(Odd))
    return writer.made(value, str)


def _made(writer: Writing, source: str, **names: Operand) -> str:
    answer = writer.code.fresh("b")
    writer.code.run(source, R=answer, **names)
    return writer.made(answer, bool)


def note_there(writer: Writing, formula: Formula | None) -> None:
    """Where `%name.exists()` holds the variable is there."""
    known = writer.known
    match None if formula is None else formula.expression.ast:
        case nodes.Call(name="exists", arguments=(), target=nodes.Variable(name=name)) if name in known.variables:
            known.there.add(known.variables[name])


def never_several(writer: Writing, formula: Formula | None) -> bool:
    """True for `iif(%name.count() > 1, ...)` in a function for usual data, where a variable is one item at most."""
    match None if formula is None or not writer.usual else formula.expression.ast:
        case nodes.Call(
            name="iif",
            target=None,
            arguments=(
                nodes.Binary(
                    operator=">",
                    left=nodes.Call(name="count", arguments=(), target=nodes.Variable(name=name)),
                    right=nodes.Literal(value=1),
                ),
                _,
            ),
        ):
            return writer.known.variables.get(name) in writer.known.solid
    return False


def _found(writer: Writing, target: nodes.Expr, focus: str, operator: str) -> str:
    code = writer.code
    value = writer.local(writer.one(target, focus))
    if not writer.is_fact(target):
        return _made(writer, f"R = V {operator} NONE", V=writer.solid(value), NONE=code.bind(None))
    with code.into(writer.prelude):
        answer = code.fresh("b")
        code.run(f"R = V {operator} NONE", R=answer, V=value, NONE=code.bind(None))
    return writer.made(answer, bool)


def _all(writer: Writing, target: nodes.Expr, test: nodes.Expr, focus: str) -> str:
    """Whether a test holds for the one item that is there, or there is none."""
    code = writer.code
    item, answer = writer.local(writer.solid(writer.one(target, focus))), code.fresh("b")
    with writer.inside(code.emit(_ALL, V=item, R=answer)):
        code.run("R = V", R=answer, V=holds(writer, test, item))
    return writer.made(answer, bool)


def _joined(writer: Writing, node: nodes.Chain, focus: str) -> str:
    """As FHIRPath has it: what follows is evaluated unless the first part decides."""
    code = writer.code
    first, *rest = node.operands
    result = logic(writer, first, focus)
    for operand in rest:
        answer = code.fresh("b")
        hole = code.emit(_AND if node.operator == "and" else _OR, A=result, R=answer)
        with writer.inside(hole):
            other = logic(writer, operand, focus)
            source = (
                "R = B if A is True else False if B is False else None"
                if node.operator == "and"
                else "R = B if A is False else True if B is True else None"
            )
            code.run(source, R=answer, A=result, B=other)
        result = writer.made(answer, bool)
    return result


def _equal(writer: Writing, node: nodes.Binary, focus: str) -> str:
    code = writer.code
    if isinstance(node.right, nodes.Literal) and isinstance(node.right.value, str):
        value = writer.local(writer.one(node.left, focus))
        return _made(writer, _EQUALS_TEXT, V=value, C=code.bind(node.right.value), ODD=code.bind(Odd))
    left, right = (writer.solid(writer.local(writer.one(part, focus))) for part in (node.left, node.right))
    return _made(writer, _EQUAL, A=left, B=right, F=code.bind(equal))


def _texts(node: nodes.Expr) -> frozenset[str] | None:
    """The texts of a union of literals; None for anything else."""
    if not isinstance(node, nodes.Chain) or node.operator != "|":
        return None
    values = [part.value for part in node.operands if isinstance(part, nodes.Literal)]
    texts = frozenset(value for value in values if isinstance(value, str))
    return texts if len(values) == len(node.operands) and all(isinstance(value, str) for value in values) else None
