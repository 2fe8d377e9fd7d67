"""Operators as Python statements: logic, arithmetic, text and union; comparisons are in their own file."""

from gateway.fhirpath.compiler import comparisons
from gateway.fhirpath.compiler.descents import search
from gateway.fhirpath.forms.form import Generation, Item, Place
from gateway.fhirpath.syntax.nodes import Binary, Chain, Unary
from gateway.fhirpath.values import arithmetic, equality

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
_IMPLIES = """
if A is False:
    R = True
else:
    ...
"""


def chain(generation: Generation, node: Chain, place: Place) -> str:
    """The local that holds the result of `and`, `or` or `&` over several operands."""
    code = generation.code
    first, *rest = node.operands
    if node.operator == "&":
        return _concatenate(generation, node, place)
    outer = code.block
    result = generation.truth(first, place)
    for operand in rest:
        answer = code.fresh("b")
        hole = code.emit(_AND if node.operator == "and" else _OR, A=result, R=answer)
        with code.into(hole):
            other = generation.truth(operand, place)
            source = (
                "R = B if A is True else False if B is False else None"
                if node.operator == "and"
                else "R = B if A is False else True if B is True else None"
            )
            code.run(source, R=answer, A=result, B=other)
        result = answer
    code.block = outer
    return result


def _concatenate(generation: Generation, node: Chain, place: Place) -> str:
    code = generation.code
    result = generation.one(node.operands[0], place)
    for operand in node.operands[1:]:
        other, answer = generation.one(operand, place), code.fresh()
        source = "R = A + B if A.__class__ is B.__class__ is str else JOIN(A, B)"
        code.run(source, R=answer, A=result, B=other, JOIN=generation.bind(arithmetic.concatenate))
        result = answer
    return result


def binary(generation: Generation, node: Binary, place: Place) -> str:
    """The local that holds the result of an operator with two operands."""
    match node.operator:
        case "=" | "!=":
            return comparisons.equal(generation, node, place)
        case "~" | "!~":
            return comparisons.equivalent(generation, node, place)
        case "<" | "<=" | ">" | ">=":
            return comparisons.compare(generation, node, place)
        case "in" | "contains":
            return comparisons.member(generation, node, place)
        case "xor" | "implies":
            return _logic(generation, node, place)
    return _arithmetic(generation, node, place)


def _logic(generation: Generation, node: Binary, place: Place) -> str:
    code = generation.code
    left, answer = generation.truth(node.left, place), code.fresh("b")
    if node.operator == "xor":
        right = generation.truth(node.right, place)
        code.run("R = None if A is None or B is None else A is not B", R=answer, A=left, B=right)
        return answer
    with code.into(code.emit(_IMPLIES, A=left, R=answer)):
        right = generation.truth(node.right, place)
        code.run("R = B if A is True else True if B is True else None", R=answer, A=left, B=right)
    return answer


def _arithmetic(generation: Generation, node: Binary, place: Place) -> str:
    code = generation.code
    left, right = (
        comparisons.operand(generation, node.left, place),
        comparisons.operand(generation, node.right, place),
    )
    answer = code.fresh()
    code.run(
        "R = None if A is None or B is None else F(A, B)",
        R=answer,
        A=left,
        B=right,
        F=generation.bind(arithmetic.OPERATORS[node.operator]),
    )
    return answer


def unary(generation: Generation, node: Unary, place: Place) -> str:
    """The local that holds the operand with its sign."""
    code = generation.code
    value, answer = generation.one(node.operand, place), code.fresh()
    function = arithmetic.negate if node.operator == "-" else arithmetic.positive
    code.run("R = None if A is None else F(A)", R=answer, A=value, F=generation.bind(function))
    return answer


def union(generation: Generation, node: Chain, place: Place) -> str:
    """The local list of the distinct items of several operands."""
    code = generation.code
    answer = code.fresh("l")
    found = search(generation, node.operands, place) or _all(generation, node, place)
    code.run("R = D(L)", R=answer, L=found, D=generation.bind(equality.distinct))
    return answer


def _all(generation: Generation, node: Chain, place: Place) -> str:
    """The local list of the items of all operands."""
    code = generation.code
    found = code.fresh("l")
    code.run("L = []", L=found)

    def append(item: Item) -> None:
        code.run("L.append(V)", L=found, V=item.name)

    for part in node.operands:
        generation.each(part, place, append)
    return found
