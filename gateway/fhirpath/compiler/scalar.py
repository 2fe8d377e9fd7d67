"""Which parts of an expression give one value or None by themselves."""

from collections.abc import Container

from gateway.fhirpath.forms import FORMS
from gateway.fhirpath.functions import FUNCTIONS
from gateway.fhirpath.syntax.nodes import Binary, Call, Chain, Expr, Indexer, Literal, Special, TypeTest, Unary


def is_scalar(node: Expr, added: Container[str]) -> bool:
    """Whether the code for a node needs no collection; `added` are the names of the caller's functions."""
    match node:
        case Literal() | Unary() | Binary() | Indexer():
            return True
        case Chain(operator=operator):
            return operator != "|"
        case TypeTest(operator=operator):
            return operator == "is"
        case Special(name=name):
            return name == "index"
        case Call(name=name) if name not in added:
            form, plain = FORMS.get(name), FUNCTIONS.get(name)
            if form is not None:
                return form.one is not None
            return plain is not None and plain.returns is not None and not plain.returns.many
    return False
