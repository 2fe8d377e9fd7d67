"""A ViewDefinition as values: what it selects, read strictly and with every fault at once.

See https://sql-on-fhir.org/ig/latest/StructureDefinition-ViewDefinition.html.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

from gateway.core import Resource
from gateway.core.errors import Unprocessable
from gateway.core.issues import Issue, issue

MAX_LEVELS: Final = 20
"""How deep selects may be nested."""

MAX_COLUMNS: Final = 1_000
"""How many columns a view may have."""

Iteration: TypeAlias = Literal["once", "each", "each-or-null", "repeat"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}\Z")
_ITERATIONS: Final[Mapping[str, Iteration]] = {
    "forEach": "each",
    "forEachOrNull": "each-or-null",
    "repeat": "repeat",
}
_CONSTANTS: Final[Mapping[str, tuple[type, ...]]] = {
    **dict.fromkeys(
        (
            *("valueBase64Binary", "valueCanonical", "valueCode", "valueDate", "valueDateTime", "valueId"),
            *("valueInstant", "valueOid", "valueString", "valueTime", "valueUri", "valueUrl", "valueUuid"),
        ),
        (str,),
    ),
    **dict.fromkeys(("valueInteger", "valueInteger64", "valuePositiveInt", "valueUnsignedInt"), (int,)),
    "valueDecimal": (int, Decimal),
    "valueBoolean": (bool,),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its FHIRPath from the node of its select; `type` is the FHIR type it names, "" without one.

    `sql` is the type that its tag `ansi/type` asks for, "" without one; `place` where the definition has it.
    """

    name: str
    path: str
    type: str
    collection: bool
    sql: str
    place: str


@dataclass(frozen=True, slots=True)
class Select:
    """Columns, nested selects and unions of one node; `paths` lead to the nodes that it iterates over."""

    iteration: Iteration
    paths: tuple[str, ...]
    columns: tuple[Column, ...]
    selects: tuple["Select", ...]
    unions: tuple["Select", ...]
    place: str

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its columns, in the order of a row: own, of nested selects, of the union."""
        nested = [name for select in self.selects for name in select.names]
        union = self.unions[0].names if self.unions else ()
        return (*(column.name for column in self.columns), *nested, *union)


@dataclass(frozen=True, slots=True)
class View:
    """A view over the resources of one type: those for which every `where` holds, as the rows of its selects.

    `url` is its canonical address, "" without one.
    """

    name: str
    title: str
    resource: str
    constants: Mapping[str, Any]
    where: tuple[str, ...]
    selects: tuple[Select, ...]
    url: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(name for select in self.selects for name in select.names)


def read_view(tree: Resource) -> View:
    """The view that a ViewDefinition resource describes; raises `Unprocessable` with all its faults."""
    reader = _Reader()
    view = reader.view(tree)
    if reader.faults:
        raise Unprocessable(*reader.faults)
    return view


class _Reader:
    """Reads a definition part by part and collects what is wrong."""

    def __init__(self) -> None:
        self.faults: list[Issue] = []

    def fault(self, place: str, expected: str) -> None:
        self.faults.append(issue("export.view-element", expression=place, expected=expected))

    def view(self, tree: Any) -> View:
        tree = tree if isinstance(tree, dict) else {}
        resource = self.text(tree, "resource", "ViewDefinition")
        where = [
            self.text(entry, "path", f"ViewDefinition.where[{index}]")
            for index, entry in enumerate(self.entries(tree, "where", "ViewDefinition"))
        ]
        selects = self.selects(tree, "select", "ViewDefinition", 1)
        if not selects:
            self.fault("ViewDefinition.select", "at least one select")
        constants = self.constants(tree)
        name, title, url = tree.get("name", ""), tree.get("title"), tree.get("url")
        if not isinstance(name, str) or (name and not _NAME.match(name)):
            self.fault("ViewDefinition.name", "letters, digits and underscores, a letter first")
        view = View(
            str(name),
            title if isinstance(title, str) else "",
            resource,
            constants,
            tuple(where),
            selects,
            url if isinstance(url, str) else "",
        )
        self.check_names(view)
        return view

    def check_names(self, view: View) -> None:
        names = view.names
        if len(names) > MAX_COLUMNS:
            self.fault("ViewDefinition.select", f"at most {MAX_COLUMNS} columns")
        if not names and not self.faults:
            self.fault("ViewDefinition.select", "at least one column")
        for name in sorted({name for name in names if names.count(name) > 1} - {""}):
            self.faults.append(issue("export.view-column-twice", expression="ViewDefinition.select", column=name))

    def selects(self, parent: dict[str, Any], key: str, place: str, level: int) -> tuple[Select, ...]:
        entries = self.entries(parent, key, place)
        if level > MAX_LEVELS and entries:
            self.fault(f"{place}.{key}", f"at most {MAX_LEVELS} levels of selects")
            return ()
        return tuple(self.select(entry, f"{place}.{key}[{index}]", level) for index, entry in enumerate(entries))

    def select(self, tree: dict[str, Any], place: str, level: int) -> Select:
        iteration, paths = self.iteration(tree, place)
        columns = tuple(
            self.column(entry, f"{place}.column[{index}]")
            for index, entry in enumerate(self.entries(tree, "column", place))
        )
        selects = self.selects(tree, "select", place, level + 1)
        unions = self.selects(tree, "unionAll", place, level + 1)
        if any(union.names != unions[0].names for union in unions[1:]):
            self.fault(f"{place}.unionAll", "the same columns in the same order in each branch")
        if not (columns or selects or unions):
            self.fault(place, "column, select or unionAll")
        return Select(iteration, paths, columns, selects, unions, place)

    def iteration(self, tree: dict[str, Any], place: str) -> tuple[Iteration, tuple[str, ...]]:
        found = [key for key in _ITERATIONS if key in tree]
        if len(found) > 1:
            self.fault(place, "only one of forEach, forEachOrNull and repeat")
        if not found:
            return "once", ()
        key = found[0]
        if key != "repeat":
            return _ITERATIONS[key], (self.text(tree, key, place),)
        paths = tree[key]
        if not isinstance(paths, list) or not paths or not all(isinstance(path, str) and path for path in paths):
            self.fault(f"{place}.repeat", "a list of FHIRPath expressions")
            return "repeat", ()
        return "repeat", tuple(paths)

    def column(self, tree: dict[str, Any], place: str) -> Column:
        name = self.text(tree, "name", place)
        if name and not _NAME.match(name):
            self.fault(f"{place}.name", "letters, digits and underscores, a letter first")
        path = self.text(tree, "path", place)
        collection, sort = tree.get("collection", False), tree.get("type", "")
        if not isinstance(collection, bool):
            self.fault(f"{place}.collection", "true or false")
        if not isinstance(sort, str):
            self.fault(f"{place}.type", "the name of a type")
        tags = [entry for entry in self.entries(tree, "tag", place) if entry.get("name") == "ansi/type"]
        sql = tags[-1].get("value", "") if tags else ""
        return Column(name, path, str(sort).rpartition("/")[2], collection is True, str(sql).upper(), place)

    def constants(self, tree: dict[str, Any]) -> Mapping[str, Any]:
        found: dict[str, Any] = {}
        for index, entry in enumerate(self.entries(tree, "constant", "ViewDefinition")):
            place = f"ViewDefinition.constant[{index}]"
            name = self.text(entry, "name", place)
            values = [key for key in entry if key.startswith("value")]
            if len(values) != 1 or values[0] not in _CONSTANTS or not _fits(entry[values[0]], values[0]):
                self.fault(place, "one value[x] of a primitive type")
            elif name in found:
                self.fault(f"{place}.name", "a name of its own")
            else:
                found[name] = entry[values[0]]
        return found

    def text(self, tree: dict[str, Any], key: str, place: str) -> str:
        found = tree.get(key)
        if isinstance(found, str) and found.strip():
            return found
        self.fault(f"{place}.{key}", "a text")
        return ""

    def entries(self, tree: dict[str, Any], key: str, place: str) -> list[dict[str, Any]]:
        found = tree.get(key, [])
        if isinstance(found, list) and all(isinstance(entry, dict) for entry in found):
            return found
        self.fault(f"{place}.{key}", "a list of objects")
        return []


def _fits(value: Any, key: str) -> bool:
    return isinstance(value, _CONSTANTS[key]) and isinstance(value, bool) == (key == "valueBoolean")
