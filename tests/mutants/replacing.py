"""A mutant in the place of its module, in a process that has imported it: nothing is imported again.

Functions keep their identity and get the mutant's code and defaults, wherever they were imported to; classes stay,
with the mutant's functions and values; other values are set anew in every module that imported them.
"""

import ast
import functools
import gc
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FunctionType, MemberDescriptorType, ModuleType
from typing import Any, Final

_LOADED: Final = ("gateway", "tests")
_OF_MODULES: Final = frozenset({"__builtins__", "__cached__", "__doc__", "__file__", "__loader__", "__name__"})
_OF_CLASSES: Final = frozenset(
    {"__abstractmethods__", "__annotations__", "__dict__", "__doc__", "__module__", "__weakref__", "_abc_impl"}
)
_WRAPPING: Final = ("__wrapped__", "__func__", "fget", "func")
_Cached: Final = type(functools.lru_cache(lambda: None))


class Loaded:
    """Modules of the product and its tests, all that are loaded unless some are given: who imported what of whom, and
    what any of the product remembers."""

    def __init__(self, modules: Mapping[str, ModuleType] | None = None) -> None:
        self._caches = [
            one
            for one in gc.get_objects()
            if type(one) is _Cached and str(getattr(one, "__module__", "")).startswith("gateway")
        ]
        self._direct: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
        for name, module in (dict(sys.modules) if modules is None else modules).items():
            file = getattr(module, "__file__", None)
            if name.startswith(_LOADED) and file and file.endswith(".py"):
                for node in ast.parse(Path(file).read_text("utf-8")).body:
                    if isinstance(node, ast.ImportFrom) and node.module:
                        for one in node.names:
                            self._direct[node.module, one.name].add((name, one.asname or one.name))

    def importers(self, module: str, name: str) -> Iterator[tuple[str, str]]:
        """Who imported a name, and as which; and who imported it from those."""
        for found in self._direct.get((module, name), ()):
            yield found
            yield from self.importers(*found)

    def importing(self, module: str) -> list[str]:
        """Which modules import something of a module, by themselves."""
        return sorted({by for (of, _), found in self._direct.items() if of == module for by, _ in found})

    def forget(self) -> None:
        """Nothing that was computed before is remembered."""
        for cached in self._caches:
            cached.cache_clear()


def put(name: str, tree: ast.Module, loaded: Loaded) -> None:
    """Makes the imported module `name` what `tree` says; raises what the mutant raises when it is imported."""
    module = sys.modules[name]
    mutant = ModuleType(name)
    vars(mutant).update({key: value for key, value in vars(module).items() if key in _OF_MODULES})
    exec(compile(tree, str(module.__file__), "exec"), vars(mutant))
    for key, new in list(vars(mutant).items()):
        if key in _OF_MODULES or (key in vars(module) and _is_merged(vars(module)[key], new)):
            continue
        for holder, known_as in ((name, key), *loaded.importers(name, key)):
            setattr(sys.modules[holder], known_as, new)
    loaded.forget()


def _is_merged(old: Any, new: Any) -> bool:
    """Whether the old object is now what the new one is."""
    if old is new or isinstance(old, MemberDescriptorType):
        return True
    if type(old) is not type(new):
        return False
    if isinstance(old, FunctionType):
        return _is_merged_function(old, new)
    if isinstance(old, type):
        _merge_classes(old, new)
        return True
    for inner in _WRAPPING:
        if callable(getattr(old, inner, None)):
            return _is_merged(getattr(old, inner), getattr(new, inner))
    return bool(old == new)


def _is_merged_function(old: FunctionType, new: FunctionType) -> bool:
    if old.__code__.co_freevars != new.__code__.co_freevars:
        return False
    old.__code__ = new.__code__
    old.__defaults__, old.__kwdefaults__ = new.__defaults__, new.__kwdefaults__
    for before, after in zip(old.__closure__ or (), new.__closure__ or (), strict=True):
        is_class = isinstance(before.cell_contents, type)  # the class of a method stays
        if not is_class and not _is_merged(before.cell_contents, after.cell_contents):
            before.cell_contents = after.cell_contents
    return True


def _merge_classes(old: Any, new: Any) -> None:
    for key, value in list(vars(new).items()):
        if key not in _OF_CLASSES and not (key in vars(old) and _is_merged(vars(old)[key], value)):
            setattr(old, key, value)
