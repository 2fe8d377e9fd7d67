"""A dataset of SDTM as a file: a SQL on FHIR view, and what each variable takes of its rows.

A file is YAML: `domain`, `label`, `structure`, `class`, `view` (a ViewDefinition, or a list of several with the
same columns, whose rows are taken together), `patient` (the column of the view that holds the Patient's id),
`variables` in their order, and `supplements`, which go to the SUPP-- dataset. A variable says exactly one of:
`value` (study, domain, subject, sequence), `participant` (a fact of the enrolment), `column`, `constant`, `local` (a
date and time as the participant's clock told it), `day` (the study day of such a column), `translate` (a ConceptMap),
`convert` (a number in another UCUM unit).
See https://www.cdisc.org/standards/foundational/sdtm.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any, Final, Literal

from gateway.core import yaml
from gateway.core.errors import Unprocessable
from gateway.core.issues import Issue, issue
from gateway.export.views import CompiledView, compile_view, read_view

Kind = Literal["string", "integer", "float"]
RULES: Final = ("value", "participant", "column", "constant", "local", "day", "translate", "convert")
VALUES: Final = ("study", "domain", "subject", "sequence")
FACTS: Final = ("id", "site", "country", "arm", "start", "end", "status")
_KINDS: Final = ("string", "integer", "float")
_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]{0,7}\Z")
_DOMAIN: Final = re.compile(r"[A-Z][A-Z0-9]\Z")
_FILE: Final = frozenset(("domain", "label", "structure", "class", "view", "patient", "variables", "supplements"))
_VARIABLE: Final = frozenset((*RULES, "label", "type", "length", "key", "required"))
_MOST_LABEL: Final = 40
"""Characters of a label that SDTM allows."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable: `rule` of `RULES` with its argument; `key` is its place in the order of records, 0 for none.

    A record without a value for a `required` variable is left out and counted.
    """

    name: str
    label: str
    kind: Kind
    length: int
    rule: str
    argument: Any
    key: int = 0
    required: bool = False


@dataclass(frozen=True, slots=True)
class Domain:
    """A dataset: its records are rows of the views, which have the same columns, one participant after the other."""

    name: str
    label: str
    structure: str
    observation_class: str
    views: tuple[CompiledView, ...]
    patient: str
    variables: tuple[Variable, ...]
    supplements: tuple[Variable, ...]


def study_domains(study: str, roots: Iterable[Traversable]) -> Mapping[str, Domain]:
    """The datasets of a study by name: those of the product, replaced and joined by those of the study's folder.

    Raises `Unprocessable` with the faults of every file.
    """
    files: dict[str, Traversable] = {}
    for folder in [
        root.joinpath(*way) for root in roots for way in (("gateway", "sdtm"), ("studies", study, "sdtm"))
    ]:
        if folder.is_dir():
            files |= {entry.name: entry for entry in folder.iterdir() if entry.name.endswith(".yaml")}
    found: dict[str, Domain] = {}
    faults: list[Issue] = []
    for name in sorted(files):
        try:
            domain = read_domain(files[name])
            found[domain.name] = domain
        except Unprocessable as error:
            faults += error.issues
    if faults:
        raise Unprocessable(*faults)
    return found


def read_domain(file: Traversable) -> Domain:
    """The dataset that a file describes; raises `Unprocessable` (`export.cdisc-domain`) with every fault's line."""
    try:
        document = yaml.load(file.read_text(encoding="utf-8"))
    except yaml.YamlError as error:
        place = f"{file.name}:{error.line}:{error.column}"
        raise Unprocessable(issue("export.cdisc-domain", source=place, expected="YAML")) from None
    reader = _Reader(file.name, document)
    domain = reader.domain()
    if reader.faults or domain is None:
        raise Unprocessable(*reader.faults)
    return domain


class _Reader:
    """Reads a file and collects what is wrong with it."""

    def __init__(self, file: str, document: yaml.Document) -> None:
        self.faults: list[Issue] = []
        self._file = file
        self._document = document

    def fault(self, expected: str, *path: str | int) -> None:
        line, column = self._document.position(path)
        source = f"{self._file}:{line}:{column}"
        self.faults.append(issue("export.cdisc-domain", source=source, expected=expected))

    def domain(self) -> Domain | None:
        tree = self._document.tree if isinstance(self._document.tree, dict) else {}
        for key in sorted(tree.keys() - _FILE):
            self.fault("no other keys than " + ", ".join(sorted(_FILE)), key)
        views = self._views(tree.get("view"))
        if not views:
            return None
        columns = frozenset(column.name for column in views[0].columns)
        name = str(tree.get("domain", ""))
        if not _DOMAIN.match(name):
            self.fault("a domain of two letters", "domain")
        if tree.get("patient") not in columns:
            self.fault("a column of the view that holds the Patient's id", "patient")
        variables = self._variables(tree, "variables", columns)
        if not variables:
            self.fault("variables", "variables")
        text = {key: str(tree.get(key, "")) for key in ("label", "structure", "class", "patient")}
        supplements = self._variables(tree, "supplements", columns)
        return Domain(
            name, text["label"], text["structure"], text["class"], views, text["patient"], variables, supplements
        )

    def _views(self, tree: Any) -> tuple[CompiledView, ...]:
        """The view, or the views of a list; none where one has faults."""
        several = isinstance(tree, list) and tree
        found = (
            [self._view(one, "view", at) for at, one in enumerate(tree)] if several else [self._view(tree, "view")]
        )
        views = tuple(one for one in found if one)
        if any(
            [column.name for column in one.columns] != [column.name for column in views[0].columns] for one in views
        ):
            self.fault("the same columns in the same order in each view", "view")
            return ()
        return views if len(views) == len(found) else ()

    def _view(self, tree: Any, *path: str | int) -> CompiledView | None:
        try:
            return compile_view(read_view(tree))
        except Unprocessable as error:
            line, column = self._document.position(path)
            self.faults += [
                issue(
                    "export.cdisc-domain",
                    source=f"{self._file}:{line}:{column}",
                    expression=found.expression,
                    expected=f"a ViewDefinition without faults ({found.rule})",
                )
                for found in error.issues
            ]
            return None

    def _variables(self, tree: Mapping[str, Any], key: str, columns: frozenset[str]) -> tuple[Variable, ...]:
        listed = tree.get(key, {})
        if not isinstance(listed, dict):
            self.fault("a mapping of variables", key)
            return ()
        return tuple([self._variable(name, one, columns, key) for name, one in listed.items()])

    def _variable(self, name: str, tree: Any, columns: frozenset[str], key: str) -> Variable:
        tree = tree if isinstance(tree, dict) else {}
        rules = [rule for rule in RULES if rule in tree]
        for unknown in sorted(tree.keys() - _VARIABLE):
            self.fault("no other keys than " + ", ".join(sorted(_VARIABLE)), key, name, unknown)
        if not _NAME.match(name):
            self.fault("a name of at most eight capitals and digits", key, name)
        if len(rules) != 1:
            self.fault("exactly one of " + ", ".join(RULES), key, name)
        label, kind, length = str(tree.get("label", name)), tree.get("type", "string"), tree.get("length", 200)
        if len(label) > _MOST_LABEL:
            self.fault(f"a label of at most {_MOST_LABEL} characters", key, name, "label")
        if kind not in _KINDS:
            self.fault("one of " + ", ".join(_KINDS), key, name, "type")
        if not isinstance(length, int) or length < 1:
            self.fault("a whole number above 0", key, name, "length")
        rule = rules[0] if rules else "constant"
        for fault in _argument_faults(rule, tree.get(rule), columns):
            self.fault(fault, key, name, rule)
        place = tree.get("key", 0)
        return Variable(
            name,
            label,
            kind,
            length,
            rule,
            tree.get(rule),
            place if isinstance(place, int) else 0,
            bool(tree.get("required")),
        )


_ARGUMENTS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "translate": (frozenset(("map", "code")), frozenset(("system", "display"))),
    "convert": (frozenset(("value", "from", "to")), frozenset()),
}
_COLUMNS: Final = {"translate": ("code",), "convert": ("value", "from", "to")}


def _argument_faults(rule: str, argument: Any, columns: frozenset[str]) -> list[str]:
    """What a rule's argument needs."""
    if rule in ("column", "local", "day"):
        return [] if argument in columns else ["a column of the view"]
    if rule == "value":
        return [] if argument in VALUES else ["one of " + ", ".join(VALUES)]
    if rule == "participant":
        return [] if argument in FACTS else ["one of " + ", ".join(FACTS)]
    if rule not in _ARGUMENTS:
        return []
    needed, optional = _ARGUMENTS[rule]
    if not isinstance(argument, dict) or not needed <= argument.keys() <= needed | optional:
        return ["the keys " + ", ".join(sorted(needed)) + (f" and {', '.join(sorted(optional))}" if optional else "")]
    return ["columns of the view"] if any(argument[name] not in columns for name in _COLUMNS[rule]) else []
