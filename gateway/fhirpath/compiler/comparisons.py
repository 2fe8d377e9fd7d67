"""`=`, `~`, `<`, `in` and their like as Python statements, with the common operands inline."""

import ast
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from gateway.fhirpath.forms.form import Generation, Place
from gateway.fhirpath.kinds import TEMPORAL, Kind
from gateway.fhirpath.runtime import holds
from gateway.fhirpath.syntax.nodes import Binary, Chain, Expr, Literal
from gateway.fhirpath.values import equality, ordering
from gateway.fhirpath.values.items import QUANTITIES, UCUM, temporal
from gateway.fhirpath.values.quantity import Quantity
from gateway.fhirpath.values.temporal import Temporal

_DATE_LENGTH: Final = 10

_COMPARE: Final = {"<": ordering.less, "<=": ordering.at_most, ">": ordering.greater, ">=": ordering.at_least}


def operand(generation: Generation, node: Expr, place: Place) -> str:
    """As `one`; the text of an element that is known to be a date or time becomes a Temporal."""
    value = generation.one(node, place)
    sort = _moment(generation.facts.of(node))
    if sort is None or generation.typed:
        return value
    code = generation.code
    answer = code.fresh()
    code.run(
        "R = None if V is None else T(V, S)",
        R=answer,
        V=value,
        T=generation.bind(temporal),
        S=generation.bind(sort),
    )
    return answer


def _moment(kind: Kind) -> str | None:
    """The FHIR type when it is a date or time."""
    if kind.types is None or not kind.types or not kind.types <= TEMPORAL:
        return None
    return "time" if kind.sole == "time" else "dateTime" if kind.sole != "date" else "date"


_MOMENT = """
if A.__class__ is S and len(A) == N and A[-1] in END:
    R = A OPERATOR TEXT
elif A is None:
    R = None
else:
    R = F(T(A, SORT), B)
"""
_QUANTITY = """
if A is None:
    R = None
elif A.__class__ is DICT and A.get("code") == UNIT and A.get("system") == UCUM and "comparator" not in A:
    V = A.get("value")
    R = V OPERATOR NUMBER if V.__class__ is D or V.__class__ is I else None
else:
    R = F(A, B)
"""


def compare(generation: Generation, node: Binary, place: Place) -> str:
    """The local that holds the result of `<`, `<=`, `>` or `>=`."""
    function = _COMPARE[node.operator]
    quick = _quick(generation, node, place, node.operator, function)
    if quick is not None:
        return quick
    code = generation.code
    left, right = operand(generation, node.left, place), operand(generation, node.right, place)
    answer = code.fresh("b")
    names: dict[str, str | ast.expr] = {"R": answer, "A": left, "B": right, "F": generation.bind(function)}
    if _is_number(node.right):
        code.run(
            f"R = None if A is None else A {node.operator} B if A.__class__ is D or A.__class__ is int else F(A, B)",
            D=generation.bind(Decimal),
            **names,
        )
    else:
        code.run("R = None if A is None or B is None else F(A, B)", **names)
    return answer


def _quick(
    generation: Generation, node: Binary, place: Place, operator: str, function: Callable[[Any, Any], bool | None]
) -> str | None:
    """An element beside a literal date, instant or quantity: compared as text or number where both are alike."""
    literal = node.right.value if isinstance(node.right, Literal) else None
    kind = generation.facts.of(node.left)
    if generation.typed or kind.many or kind.types is None:
        return None
    code = generation.code
    names: dict[str, str | ast.expr] = {"R": code.fresh("b"), "B": generation.bind(literal)}
    names["F"] = generation.bind(function)
    moment = _moment(kind)
    if isinstance(literal, Temporal) and moment in ("date", "dateTime") and (text := _comparable_text(literal)):
        names.update(
            S="str",
            N=generation.bind(len(text)),
            END=generation.bind("Z" if len(text) > _DATE_LENGTH else "0123456789"),
            TEXT=generation.bind(text),
            T=generation.bind(temporal),
            SORT=generation.bind(moment),
        )
        source = _MOMENT
    elif isinstance(literal, Quantity) and not literal.calendar and kind.types & QUANTITIES:
        names.update(
            DICT="dict",
            UNIT=generation.bind(literal.unit),
            UCUM=generation.bind(UCUM),
            V=code.fresh(),
            NUMBER=generation.bind(literal.value),
            D=generation.bind(Decimal),
            I="int",
        )
        source = _QUANTITY
    else:
        return None
    code.run(source.replace("OPERATOR", operator), A=generation.one(node.left, place), **names)
    return str(names["R"])


def _comparable_text(value: Temporal) -> str:
    """The text of a whole date, or of an instant to the second in UTC: these sort as texts; empty for others."""
    text = str(value)
    if value.sort == "DateTime" and value.offset == 0 and len(value.parts) == 6 and value.digits == 0:
        return text
    return text if value.sort in ("Date", "DateTime") and len(value.parts) == 3 else ""


def _is_number(node: Expr) -> bool:
    return isinstance(node, Literal) and node.value.__class__ in (int, Decimal)


def _is_text(node: Expr) -> bool:
    return isinstance(node, Literal) and isinstance(node.value, str)


def _negated(generation: Generation, node: Binary, answer: str, mark: str) -> str:
    if node.operator != mark:
        return answer
    code = generation.code
    other = code.fresh("b")
    code.run("R = None if A is None else not A", R=other, A=answer)
    return other


def equal(generation: Generation, node: Binary, place: Place) -> str:
    """The local that holds the result of `=` or `!=`."""
    if _is_text(node.right):
        answer = _equals_text(generation, node.left, node.right, place)
    elif _is_single(generation, node.left) and _is_single(generation, node.right):
        answer = _single_equal(generation, node, place)
    else:
        code = generation.code
        left, right = _moments(generation, node.left, place), _moments(generation, node.right, place)
        answer = code.fresh("b")
        code.run("R = F(A, B)", R=answer, A=left, B=right, F=generation.bind(equality.all_equal))
    return _negated(generation, node, answer, "!=")


def _single_equal(generation: Generation, node: Binary, place: Place) -> str:
    quick = _quick(generation, node, place, "==", equality.equal)
    if quick is not None:
        return quick
    code = generation.code
    left, right = operand(generation, node.left, place), operand(generation, node.right, place)
    answer = code.fresh("b")
    code.run(
        "R = None if A is None or B is None else F(A, B)",
        R=answer,
        A=left,
        B=right,
        F=generation.bind(equality.equal),
    )
    return answer


def _is_single(generation: Generation, node: Expr) -> bool:
    return not generation.facts.of(node).many


def _equals_text(generation: Generation, node: Expr, literal: Expr, place: Place) -> str:
    """A path beside a text literal: counts the items and compares the last, without a list."""
    code = generation.code
    constant = generation.bind(literal.value if isinstance(literal, Literal) else None)
    count, last, answer = code.fresh("n"), code.fresh(), code.fresh("b")
    if _is_single(generation, node):
        value = generation.one(node, place)
        code.run(
            "R = V == C if V.__class__ is S else None if V is None else F(V, C)",
            R=answer,
            V=value,
            C=constant,
            S="str",
            F=generation.bind(equality.equal),
        )
        return answer
    code.run("N = 0\nLAST = None", N=count, LAST=last)
    generation.each(node, place, lambda item: code.run("N += 1\nLAST = V", N=count, LAST=last, V=item.name))
    code.run(
        "R = None if N == 0 else False if N > 1 else LAST == C if LAST.__class__ is S else F(LAST, C)",
        R=answer,
        N=count,
        LAST=last,
        C=constant,
        S="str",
        F=generation.bind(equality.equal),
    )
    return answer


def _moments(generation: Generation, node: Expr, place: Place) -> str:
    """As `collect`, with the texts of dates and times as Temporals."""
    found = generation.collect(node, place)
    sort = _moment(generation.facts.of(node))
    if sort is None or generation.typed:
        return found
    code = generation.code
    answer = code.fresh("l")
    code.run(
        "R = [T(V, S) for V in L]",
        R=answer,
        V=code.fresh(),
        L=found,
        T=generation.bind(temporal),
        S=generation.bind(sort),
    )
    return answer


def equivalent(generation: Generation, node: Binary, place: Place) -> str:
    """The local that holds the result of `~` or `!~`."""
    code = generation.code
    left, right = _moments(generation, node.left, place), _moments(generation, node.right, place)
    answer = code.fresh("b")
    code.run("R = F(A, B)", R=answer, A=left, B=right, F=generation.bind(equality.all_equivalent))
    return _negated(generation, node, answer, "!~")


def member(generation: Generation, node: Binary, place: Place) -> str:
    """The local that holds the result of `in` or `contains`."""
    code = generation.code
    one, several = (node.left, node.right) if node.operator == "in" else (node.right, node.left)
    answer = code.fresh("b")
    literals = _literal_texts(several)
    value = operand(generation, one, place)
    if literals is not None:
        code.run(
            "R = None if V is None else V in L if V.__class__ is S else H(V, L)",
            R=answer,
            V=value,
            L=generation.bind(literals),
            S="str",
            H=generation.bind(holds),
        )
        return answer
    items = _moments(generation, several, place)
    code.run("R = None if V is None else H(V, L)", R=answer, V=value, L=items, H=generation.bind(holds))
    return answer


def _literal_texts(node: Expr) -> frozenset[str] | None:
    if not isinstance(node, Chain) or node.operator != "|":
        return None
    values = [part.value for part in node.operands if isinstance(part, Literal)]
    if len(values) != len(node.operands):
        return None
    texts = [value for value in values if isinstance(value, str)]
    return frozenset(texts) if len(texts) == len(values) else None
