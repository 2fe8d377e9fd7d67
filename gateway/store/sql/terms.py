"""Hashes of the search index: the one place where what is written and what is asked must agree.

Each way to ask for a value is one equality of signed 64-bit hashes over (type, parameter, form, value). References
are hashed so that SQL can make the hash for another row: the parameter's hash and the target's, combined by XOR.
"""

import hashlib
from functools import lru_cache

from gateway.search.query import Token


def term(type: str, parameter: str, form: str, *parts: str) -> int:
    """The hash of one way to ask for a value; parts are joined by a byte that no text holds."""
    return digest("\x1f".join((type, parameter, form, *parts)).encode())


def digest(data: bytes) -> int:
    """The signed 64-bit hash of bytes."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big", signed=True)


@lru_cache(maxsize=1 << 12)
def of_parameter(type: str, parameter: str, form: str) -> int:
    """The hash that the rows of one parameter share: `reference`, `date`, `number`, `string`, `present` ..."""
    return term(type, parameter, form)


@lru_cache(maxsize=1 << 12)
def of_target(target: str) -> int:
    """The hash of `Type/id`, or of a whole URL."""
    return digest(target.encode())


@lru_cache(maxsize=1 << 12)
def of_reference(type: str, parameter: str, target: str) -> int:
    """The hash of a reference by a parameter to a target."""
    return mixed(of_parameter(type, parameter, "reference"), of_target(target))


def mixed(one: int, other: int) -> int:
    """XOR of two signed 64-bit numbers."""
    return one ^ other


@lru_cache(maxsize=1 << 12)
def of_token(type: str, parameter: str, system: str, code: str) -> tuple[int, ...]:
    """The hashes that a token is found by: system and code, code alone, system alone."""
    exact = term(type, parameter, "token", system, code)
    alone = term(type, parameter, "code", code)
    return (exact, alone, of_system(type, parameter, system)) if system else (exact, alone)


@lru_cache(maxsize=1 << 10)
def of_system(type: str, parameter: str, system: str) -> int:
    """The hash of any token of a system."""
    return term(type, parameter, "system", system)


def wanted_token(type: str, parameter: str, value: Token) -> int:
    """The one hash that every token asked for has."""
    if value.code is None:
        return of_system(type, parameter, value.system or "")
    if value.system is None:
        return term(type, parameter, "code", value.code)
    return term(type, parameter, "token", value.system, value.code)
