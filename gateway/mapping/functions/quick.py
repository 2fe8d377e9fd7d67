"""Functions of the language for one item, as generated functions call them: what is usual is remembered.

Each gives exactly what the function itself gives, or raises `Odd`, and then that is called. What is remembered
depends on the texts it is remembered by alone.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Final

from gateway.mapping.functions import bound, codes, numbers, texts, times
from gateway.mapping.loose import Odd, loose
from gateway.mapping.plan import MEMORY, Table, Twin, remember
from gateway.mapping.scope import current
from gateway.mapping.tables import targets_of

_MOST_PARTS: Final = 12
_LONGEST_PARTS: Final = 500


def twins(tables: Mapping[str, Table]) -> dict[str, Callable[..., Twin | None]]:
    """Name -> maker of the twin for a call with these literal arguments, over the concept maps of one mapping."""
    return {
        "translate": lambda name, default=None: _translate(tables[name], default),
        "codeable": lambda name="", local=None: _codeable(tables[name] if name else None, local),
        "ref": _ref,
        "atOffset": lambda offset: Twin(times.at_offset_of, (0,), str),
        "hl7Time": lambda zone=None: (
            None if zone is not None else Twin(times.hl7_time_of, (), str, is_local_time=True)
        ),
        "hl7Date": lambda: Twin(times.hl7_date_of, (), str),
        "dateOnly": lambda: _of_text_twin(lambda text: text[:10] or None, str),
        "range": lambda: _of_text_twin(_alone(numbers.limits)),
        "text": lambda: Twin(_text),
    }


def _translate(table: Table, default: Any) -> Twin | None:
    if default is ...:
        return None

    def code(text: str) -> Any:
        found = targets_of(table, text)
        if len(found) == 1:
            return found[0]["code"]
        if found or not default:
            raise Odd
        return default

    return _of_text_twin(code)


def _codeable(table: Table | None, local: Any) -> Twin | None:
    if local is ...:
        return None

    def concept(value: Any) -> Any:
        return loose(codes.concepts(value, table, local))

    of_text = _of_text(concept)

    @lru_cache(MEMORY)
    def of_parts(parts: tuple[str, ...]) -> Any:
        half = len(parts) // 2
        return concept(dict(zip(parts[:half], parts[half:], strict=True)))

    def call(value: Any) -> Any:
        if value.__class__ is not dict:
            return of_text(value)
        try:
            if len(value) <= _MOST_PARTS and len("".join(value.values())) <= _LONGEST_PARTS:
                return of_parts((*value, *value.values()))
        except TypeError:
            pass
        return concept(value)

    return Twin(call, recall=lru_cache(MEMORY)(concept))


def _of_text_twin(function: Callable[[str], Any], kind: type | None = None) -> Twin:
    """The twin of a function of a text or nothing, remembered; what it raises is not remembered."""
    memory: dict[str, Any] = {}
    of_text = _of_text(function)

    def call(value: Any) -> Any:
        made = of_text(value)
        remember(memory, value, made)
        return made

    return Twin(call, (), kind, memory=memory)


def _of_text(function: Callable[[str], Any]) -> Callable[[Any], Any]:
    """The function for a text or nothing; `Odd` for anything else."""

    def call(value: Any) -> Any:
        if value.__class__ is str:
            return function(value)
        if value is None:
            return None
        raise Odd

    return call


def _alone(function: Callable[[list[Any]], list[Any]]) -> Callable[[str], Any]:
    """A function of lists for one text."""
    return lambda text: loose(function([text]))


def _text(value: Any) -> Any:
    if value.__class__ is str:
        return value or None
    return None if value is None else loose(texts.text([value]))


def _ref(name: Any, *parts: Any) -> Twin | None:
    """A reference by one part of a key, or by none: made once for a text, and shared."""
    if len(parts) > 1:
        return None

    def keyed(_focus: Any, part: Any) -> Any:
        if part.__class__ is not str:
            if part is None:
                return None
            raise Odd
        scope = current.get()
        found = scope.references.get((name, part))
        if found is None:
            found = bound.by_key(scope, name, (part,))
            if found is not None:
                scope.references[name, part] = found
        return found

    return Twin(keyed, (1,), dict) if parts else Twin(partial(_made, name))


def _made(name: Any, _focus: Any) -> Any:
    """References to all that an emit made so far."""
    scope = current.get()
    found = scope.made.get(name)
    if not found:
        return None
    if len(found) > 1:
        return [{"reference": reference} for reference in found]
    shared = scope.references.get(("", found[0]))
    if shared is None:
        shared = scope.references["", found[0]] = {"reference": found[0]}
    return shared
