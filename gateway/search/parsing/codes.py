"""The codes that `:in`, `:not-in`, `:above` and `:below` stand for, told one by one.

See https://hl7.org/fhir/R4/search.html#token.
"""

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.search.parameters import Indexed, Parameters
from gateway.search.parsing.escaping import unescape
from gateway.search.parsing.limits import Limits
from gateway.search.parsing.values import token
from gateway.search.query import Token
from gateway.terminology import Terminology


def in_value_set(part: str, parameter: Indexed, terminology: Terminology | None, limits: Limits) -> list[Token]:
    """The codes of the value set with this canonical URL.

    Raises `BadRequest`: `search.value-set` when it is unknown or has codes that are not here, so that it could not be
    told which resources are in it; `search.too-many` when it is too large.
    """
    expansion = terminology.expand(unescape(part), count=limits.expanded + 1) if terminology else None
    if expansion is None or not expansion.complete:
        raise BadRequest(issue("search.value-set", parameter=parameter.code))
    if expansion.total > limits.expanded:
        raise BadRequest(issue("search.too-many", parameter=parameter.code, limit=limits.expanded))
    return [meant for one in expansion.codings for meant in spoken(Token(one.system, one.code), parameter)]


def in_hierarchy(
    part: str, parameter: Indexed, parameters: Parameters, limits: Limits, *, below: bool
) -> list[Token]:
    """The code itself and all below it, or above it, in the hierarchy of its code system.

    Raises ValueError when it is no `system|code`, and `BadRequest` with `search.hierarchy` when the system or the
    code is not here.
    """
    asked = token(part)
    system = asked.system or (next(iter(parameter.systems)) if len(parameter.systems) == 1 else None)
    if system is None or asked.code is None:
        raise ValueError("system|code")
    content = parameters.code_system(system)
    if content is None or content.concept(asked.code) is None:
        raise BadRequest(issue("search.hierarchy", parameter=parameter.code))
    others = content.descendants(asked.code) if below else content.ancestors(asked.code)
    if len(others) >= limits.expanded:
        raise BadRequest(issue("search.too-many", parameter=parameter.code, limit=limits.expanded))
    codes = (asked.code, *sorted(others))
    return [meant for code in codes for meant in spoken(Token(system, code), parameter)]


def spoken(asked: Token, parameter: Indexed) -> list[Token]:
    """The token, and as resources write it whose element implies the system."""
    if asked.system in parameter.systems:
        return [asked, Token("", asked.code)] if asked.code is not None else [asked, Token(None, None)]
    return [asked]
