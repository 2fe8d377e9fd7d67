"""How a FHIRPath function is declared: one decorated Python function in the file of its group.

The decorator turns the Python function into a `Function`, which the compiler calls and the documentation lists.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from gateway.fhirpath.env import Env
from gateway.fhirpath.kinds import Kind
from gateway.fhirpath.model import Model

MOST: Final = 255
"""How many arguments a call may have."""

TypedBy = Literal["", "primitive", "tree"]


@dataclass(frozen=True, slots=True)
class Data:
    """What a function that looks into the tree gets: the model, whether items carry types, the `Env`, the root."""

    model: Model | None
    typed: bool
    env: Env | None
    root: Any


Takes = Literal["String", "Integer", "Number", "Boolean", "Item", "Items"]
"""What a function takes: one text, integer, number, truth value or item of any sort; or a whole collection."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function whose arguments are evaluated before the call.

    `call` gets the focus and the arguments as `takes` says; unless one of them is "Items", an empty focus or
    argument makes the result empty without a call. It returns one value or None, or a list where `returns` is a
    collection. `returns` None means: items as those of the focus. A function that `needs` "env" or "data" gets the
    `Env` (or None) or the `Data` first. `optional` counts the arguments at the end that may be left out. `ordered`
    functions depend on the order of the focus. `typed` "primitive" functions see the extensions of primitives, "tree"
    ones those of all that is below. `variadic`: the last parameter may be given any number of times. `accepts` judges
    a first argument that is written as a text in the expression.
    """

    name: str
    focus: Takes
    takes: tuple[Takes, ...]
    returns: Kind | None
    call: Callable[..., Any]
    section: str
    examples: tuple[str, ...] = ()
    optional: int = 0
    needs: Literal["", "env", "data"] = ""
    ordered: bool = False
    typed: TypedBy = ""
    variadic: bool = False
    accepts: Callable[[str], bool] | None = None

    @property
    def least(self) -> int:
        """The smallest number of arguments."""
        return len(self.takes) - self.optional

    @property
    def most(self) -> int:
        """The largest number of arguments."""
        return MOST if self.variadic else len(self.takes)

    def parameters(self, count: int) -> tuple[Takes, ...]:
        """What each of `count` arguments must be."""
        if count <= len(self.takes):
            return self.takes[:count]
        return (*self.takes, *(self.takes[-1],) * (count - len(self.takes)))


def function(
    name: str,
    section: str,
    *,
    focus: Takes,
    takes: tuple[Takes, ...] = (),
    returns: Kind | None,
    examples: tuple[str, ...] = (),
    optional: int = 0,
    needs: Literal["", "env", "data"] = "",
    ordered: bool = False,
    typed: TypedBy = "",
    variadic: bool = False,
    accepts: Callable[[str], bool] | None = None,
) -> Callable[[Callable[..., Any]], Function]:
    """Declares the decorated Python function as the FHIRPath function `name`."""

    def declare(call: Callable[..., Any]) -> Function:
        return Function(
            name=name,
            focus=focus,
            takes=takes,
            returns=returns,
            call=call,
            section=section,
            examples=examples,
            optional=optional,
            needs=needs,
            ordered=ordered,
            typed=typed,
            variadic=variadic,
            accepts=accepts,
        )

    return declare


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A function that a caller of `compile` adds: `call(focus, *arguments)`, all of them lists, returns a list.

    With `env` true the call gets the `Env` of the evaluation (or None) before the focus.
    """

    min_args: int
    max_args: int
    call: Callable[..., list[Any]]
    env: bool = False
