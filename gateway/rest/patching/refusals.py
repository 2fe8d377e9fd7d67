"""Why a patch cannot be applied; numbers of operations only, never what is in the resource."""

from gateway.core.errors import Unprocessable
from gateway.core.issues import issue


def nowhere(number: int) -> Unprocessable:
    """The operation's place is not there, or is not one place."""
    return Unprocessable(issue("rest.patch-place", number=number))


def test_fails(number: int) -> Unprocessable:
    """The operation tests for what is not so."""
    return Unprocessable(issue("rest.patch-test", number=number))


def too_large(limit: int) -> Unprocessable:
    """The patch makes more than it may."""
    return Unprocessable(issue("rest.patch-size", limit=limit))
