"""What the writers of calls and conditions need of the writer of expressions."""

import ast
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any, Final, Protocol, TypeAlias

from gateway.fhirpath import Env, compile
from gateway.fhirpath.emitter import Emitter
from gateway.fhirpath.printer import print_expression
from gateway.fhirpath.syntax import nodes
from gateway.mapping.fast.single_kind import Shared, Unfilled
from gateway.mapping.fast.single_known import Known
from gateway.mapping.fast.single_outer import Outer
from gateway.mapping.lineage import counted, walk
from gateway.mapping.plan import Formula, Functions

_PER_ITEM: Final = frozenset({"index", "total"})

Evaluate: TypeAlias = Callable[[Any, Env | None], list[Any]]
"""The function of a compiled expression."""

Operand: TypeAlias = str | ast.expr
"""A local name, or a constant."""


class Writing(Protocol):
    """A function whose expressions are being written.

    Lists that are `unfilled` are filled where one is read; `shared` is set in a loop over rows, and for records that
    are told by one. Where it is `sealed` nothing of the unit is known, so that nothing can be evaluated. `referred`
    are the locals of what emits made.
    """

    code: Emitter
    prelude: list[ast.stmt]
    functions: Functions
    usual: bool
    known: Known
    outer: Outer | None
    unfilled: Unfilled | None
    shared: Shared | None
    sealed: bool
    keyed: Sequence[Formula]
    referred: Mapping[str, str]

    def one(self, node: nodes.Expr, focus: str) -> Operand:
        """The item that a part gives, None for none; a list for what is unusual."""

    def outlined(self, node: nodes.Expr, focus: str) -> str:
        """A part by a FHIRPath function of its own; a list where it gives several items."""

    def local(self, operand: Operand) -> str:
        """The operand as a local."""

    def solid(self, operand: Operand) -> Operand:
        """The same operand, after statements that raise where it is unusual."""

    def made(self, name: str, kind: type | None = None) -> str:
        """The same local, which is known to hold no list, and only values of a class or None where one is given."""

    def sure(self, name: str) -> str:
        """The same local, which is known to be neither None nor empty."""

    def is_sure(self, operand: Operand) -> bool:
        """True for what is neither None nor empty."""

    def kind(self, operand: Operand) -> type | None:
        """The class that an operand has where it is not None; None when that is not known."""

    def step(self, base: str, name: str) -> str:
        """The local that holds the element `name` of an item; a list for what is unusual."""

    def times(self) -> str:
        """The local with what is remembered of local times in the unit."""

    def is_fact(self, node: nodes.Expr) -> bool:
        """True for a path that is the same in a whole unit."""

    def inside(self, block: list[ast.stmt], *, loop: bool = False) -> AbstractContextManager[None]:
        """Appends to another block; what is found out there is forgotten behind it."""


def literal_of(node: nodes.Expr) -> Any:
    """The value of a literal; `...` for anything else."""
    return node.value if isinstance(node, nodes.Literal) else ...


def evaluator(node: nodes.Expr, functions: Functions) -> Evaluate:
    """The FHIRPath function of a part of an expression, compiled when it is first called."""

    @cache
    def compiled() -> Evaluate:
        return counted(compile(print_expression(node), model=None, functions=functions.specs)).evaluate

    def evaluate(focus: Any, env: Env | None) -> list[Any]:
        return compiled()(focus, env)

    return evaluate


def is_whole(tree: nodes.Expr) -> bool:
    """True for an expression that is better evaluated as a whole."""
    return any(
        (isinstance(node, nodes.Special) and node.name in _PER_ITEM)
        or (isinstance(node, nodes.Call) and node.name in ("defineVariable", "aggregate"))
        for node in walk(tree)
    )
