"""What is asked of all rows of a list at once: whether a condition holds for none of their kinds."""

import ast

from gateway.fhirpath.syntax import nodes
from gateway.mapping.fast.single_form import Writing
from gateway.mapping.fast.single_kind import Shared, Unfilled
from gateway.mapping.fast.single_logic import holds
from gateway.mapping.fast.single_shared import within
from gateway.mapping.kinds import Never, OfKinds

_FUNCTION = """
def F(item):
    ...
"""


def never_of(writer: Writing, unfilled: Unfilled, names: tuple[str, ...], calls: list[nodes.Call]) -> str | None:
    """The local that is True where nothing is at a path through the unfilled list, as its rows tell.

    None for other paths, and where more than their kinds is asked.
    """
    if names[0] != unfilled.alike.items or (writer.shared is not None and writer.shared.row):
        return None
    shared = Shared(unfilled.alike, "item", "base", "")
    node: nodes.Expr | None = None
    for name in names[1:]:
        node = nodes.Member(node, name, 0, 0, 0)
    is_base, is_same = names[1:] == (unfilled.alike.base,), node is not None and shared.gives(node, "item", {})
    if not (is_base or is_same):
        return None
    for call in calls:
        if call.name == "where":
            test = call.arguments[0]
            if not shared.gives(test, shared.base, {}, inside=is_same):
                return None
            node = nodes.Call(node, call.name, call.arguments, 0, 0, 0)
    asked = nodes.Call(node, "exists", (), 0, 0, 0)
    with within(writer, shared):
        writer.code.run("return V", V=holds(writer, asked, "item"))
    code, answer = writer.code, writer.code.fresh("b")
    never = function_of_kind(writer, unfilled, shared.block, Never)
    with code.into(unfilled.module):
        code.run("ALL.add(NEVER)", ALL=unfilled.nevers, NEVER=never)
    code.run("B = NONE or NEVER.hold(KINDS)", B=answer, NONE=unfilled.none, NEVER=never, KINDS=unfilled.kinds)
    return answer


def function_of_kind(
    writer: Writing, unfilled: Unfilled, body: list[ast.stmt], of: type[Never] | type[OfKinds]
) -> str:
    """The global with what remembers the results of a function of `item`, whose body is given."""
    code, title, kept = writer.code, writer.code.fresh("f"), writer.code.fresh("g")
    with code.into(unfilled.module):
        code.emit(_FUNCTION, F=title).extend(body)
        code.run("G = OF(F)", G=kept, OF=code.bind(of), F=title)
    return kept
