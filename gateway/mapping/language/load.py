"""A mapping folder into a checked plan: every fault of the file at once, each with line and column."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any

from gateway.core import Issue, issue, loads
from gateway.core.assets import asset_root
from gateway.core.errors import BadRequest
from gateway.core.issues import any_blocks
from gateway.core.yaml import Document, YamlError, load, place_of
from gateway.definitions import Definitions
from gateway.fhirpath import FhirPathError, compile
from gateway.formats import FORMATS, option_faults
from gateway.mapping.functions import function_set
from gateway.mapping.functions.quick import twins
from gateway.mapping.language.emits import EmitReader, check_twins, order_emits
from gateway.mapping.language.faults import FileFaults, Place
from gateway.mapping.language.formulas import Formulas, Names, is_expression, literal
from gateway.mapping.language.literals import is_zone
from gateway.mapping.language.payload_schema import NotASchema, Schema
from gateway.mapping.language.schema_descent import multiplies, untaken
from gateway.mapping.language.schema_work import MAX_BYTES, MAX_WORK, is_too_much
from gateway.mapping.language.template import Templates
from gateway.mapping.lineage import UNIT_FACTS
from gateway.mapping.plan import Action, Emit, Formula, Functions, Plan, SubjectPlan, Table, Zone
from gateway.mapping.shape import Shape, shape_of
from gateway.mapping.tables import NotATable, Row, beside, find_concept_map, read_lookup
from gateway.terminology import Terminology

FILE_NAME = "mapping.yaml"

MAX_FILE_BYTES = 500_000
"""How long a mapping file may be; those of the product are below 40,000."""

_ROUNDS = 6
"""How often parts of a faulty file are taken out, each time larger ones, before the rest of it is given up."""

_OF_A_FACT = 3
"""How long the path of a fact is that `context` declares."""

_HEAD: dict[str, Any] = {
    "mapping": "unknown", "version": "0.0.0", "status": "draft", "fhir": "4.0.1", "describe": "unknown"
}  # fmt: skip
"""Stands in for what a faulty file does not say of itself, while the rest of it is looked at."""

_BEFORE = ("payload", "envelope", "study")
"""What is known before the participant is."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a folder holds: the plan and its parts, None when the file has faults; `issues` has warnings too."""

    plan: Plan | None
    issues: tuple[Issue, ...]
    head: Mapping[str, Any] = field(default_factory=dict)
    schema: Schema | None = None
    document: Document | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What mapping files are read against."""

    definitions: Definitions
    terminology: Terminology | None
    concept_maps: tuple[Traversable, ...]


@cache
def file_schema() -> Schema:
    """The JSON Schema of mapping files, `mappings/mapping.schema.json`, without what it says to editors alone."""
    return Schema(_not_for_editors(loads(asset_root("mappings").joinpath("mapping.schema.json").read_bytes())))


def _not_for_editors(schema: Any) -> Any:
    """The schema without the parts that `x-editor` marks: the reader tells these faults with more words."""
    if isinstance(schema, list):
        return [_not_for_editors(part) for part in schema if not (isinstance(part, dict) and "x-editor" in part)]
    if not isinstance(schema, dict):
        return schema
    return {
        name: found for name, part in schema.items() if (found := _not_for_editors(part)) != [] or name != "allOf"
    }


@cache
def context_schema() -> Schema:
    """The JSON Schema of what a test's `context` states, and of facts that a command is given."""
    tree = file_schema().tree["properties"]["tests"]["items"]["properties"]["context"]
    return Schema({**tree, "$defs": file_schema().tree["$defs"]})


def load_folder(folder: Traversable, label: str, around: Surroundings) -> Loaded:
    """The mapping in `folder`; positions are `label:line:column`."""
    try:
        document = load(_text(folder.joinpath(FILE_NAME).read_bytes()))
    except YamlError as error:
        place = f"{label}:{error.line}:{error.column}"
        return Loaded(None, (issue("mapping.yaml", mapping=place, problem=str(error)),))
    except RecursionError:
        return Loaded(None, (issue("mapping.yaml", mapping=label, problem="it nests too deep"),))
    except OSError:
        return Loaded(None, (issue("mapping.file-missing", mapping=label, name=FILE_NAME),))
    faults = FileFaults(label, document)
    for difference in file_schema().differences(document.tree):
        where = ".".join(str(step) for step in difference.path)
        add = faults.add_at_key if difference.is_name else faults.add
        add("mapping.structure", difference.path, problem=f"{where or 'the file'} {difference.problem}")
    rest = _rest(document.tree) if faults.count else document.tree
    if rest is None:
        return Loaded(None, faults.issues(), document=document)
    try:
        return _Reader(folder, label, replace(document, tree=rest), faults, around).read()
    except RecursionError:
        faults.add("mapping.structure", (), problem="the file nests too deep")
        return Loaded(None, faults.issues(), document=document)


def _text(data: bytes) -> str:
    """The text of a mapping file; raises `YamlError` where it is not UTF-8, or too long."""
    if len(data) > MAX_FILE_BYTES:
        raise YamlError(f"it is longer than {MAX_FILE_BYTES} bytes", 1, 1)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise YamlError("not UTF-8", *place_of(data[: error.start])) from None


def _rest(tree: Any) -> dict[str, Any] | None:
    """A file without its parts that are not as they should be, so that the others are looked at too; None when what
    is left is no mapping. No item is taken out of a list: the positions of the others would not be theirs."""
    rest: Any = deepcopy(tree)
    for shorter in range(_ROUNDS):
        if isinstance(rest, dict):
            rest = _HEAD | rest
        wrong = file_schema().differences(rest)
        if not wrong:
            return dict(rest)
        for difference in wrong:
            _take_out(rest, difference.path[: max(len(difference.path) - shorter, 0)])
    return None


def _take_out(tree: Any, path: Place) -> None:
    """Takes out the named part at the path, or the one that it is in."""
    while path and not isinstance(path[-1], str):
        path = path[:-1]
    for step in path[:-1]:
        try:
            tree = tree[step]
        except (KeyError, IndexError, TypeError):  # it went with another part
            return
    if path[:1] == ("context",) and len(path) == _OF_A_FACT:
        tree[path[-1]] = "string"  # what is declared of a wrong type is declared
    elif path and isinstance(tree, dict):
        tree.pop(path[-1], None)


@dataclass(slots=True)
class _Reader:
    folder: Traversable
    label: str
    document: Document
    faults: FileFaults
    around: Surroundings

    def read(self) -> Loaded:
        tree, whole = self.document.tree, self.faults.count == 0
        source = tree["source"]
        if source["format"] not in FORMATS:
            known = ", ".join(FORMATS)
            self.faults.add("mapping.structure", ("source", "format"), problem=f"no such format; known: {known}")
        for name, problem in option_faults(source["format"], source.get("options", {})):
            self.faults.add_at_key("mapping.option", ("source", "options", name), name=name, problem=problem)
        schema = self._schema(source.get("schema"))
        tables = self._tables(tree.get("conceptmaps", {}))
        lookups, columns = self._lookups(tree.get("lookups", {}))
        if schema is not None:
            self._check_members(source.get("members", ()), schema)
        policy: Mapping[str, Action] = MappingProxyType(tree.get("policy", {}))
        functions = function_set(tables, lookups, policy.get("unit-unmapped") == "keep-original")
        formulas = Formulas(self.faults, functions)
        callables = Functions(functions, twins(tables))
        shape = shape_of(schema.tree) if schema is not None else Shape()
        names = replace(self._names(tree), shape=shape, columns=columns)
        plan = replace(self._plan(tree, formulas, names, policy), functions=callables)
        if whole:
            self._check_unused(tree, formulas)
            self._check_tests(tree.get("tests", ()))
        issues = self.faults.issues()
        return Loaded(None if any_blocks(issues) else plan, issues, tree, schema, self.document)

    def _check_members(self, members: Sequence[str], schema: Schema) -> None:
        """A member that the schema does not describe is misspelt in one of them, and would never be shared."""
        known = schema.tree.get("properties", {})
        for index, name in enumerate(members):
            if name not in known:
                names = ", ".join(sorted(known))
                self.faults.add("mapping.path-unknown", ("source", "members", index), name=name, known=names)

    def _check_tests(self, tests: Sequence[Mapping[str, Any]]) -> None:
        """Types that there are not could never be counted, or never be missed."""
        known = self.around.definitions.types()
        for index, test in enumerate(tests):
            for part in ("resources", "match"):
                for name in test["expect"].get(part, ()):
                    if name not in known:
                        self.faults.add_at_key(
                            "mapping.unknown-type", ("tests", index, "expect", part, name), type=name
                        )
            zone = (test.get("context", {}).get("subject") or {}).get("zone", "UTC")
            if not is_zone(zone):
                problem = f"{zone} is neither an IANA zone nor an offset"
                self.faults.add("mapping.structure", ("tests", index, "context", "subject", "zone"), problem=problem)
            for number, text in enumerate(test["expect"].get("where", ())):
                try:
                    compile(text[1:], model=None)
                except FhirPathError as error:
                    place = ("tests", index, "expect", "where", number)
                    self.faults.add("mapping.expression", place, offset=error.offset + 1, problem=error.message)

    def _names(self, tree: dict[str, Any]) -> Names:
        context = tree.get("context")
        declared = None if context is None else {name: frozenset(facts) for name, facts in context.items()}
        return Names(
            maps=frozenset(tree.get("conceptmaps", ())),
            lookups=frozenset(tree.get("lookups", ())),
            emits=frozenset(entry["id"] for entry in tree["emit"]),
            context=declared,
        )

    def _plan(self, tree: dict[str, Any], formulas: Formulas, names: Names, policy: Mapping[str, Action]) -> Plan:
        given = names.shape
        reader = EmitReader(
            Templates(self.around.definitions, self.around.terminology, formulas, self.faults), formulas, self.faults
        )
        whole = replace(names, shape=given.of_payload())
        match = reader.optional(tree["source"], "match", ("source",), whole.only("payload"))
        records = reader.optional(tree["source"], "records", ("source",), whole.only(*_BEFORE))
        shape = given.of_record(records.found) if records else whole.shape
        names = replace(names, shape=shape)
        of_subject = names if tree["subject"].get("per") == "record" else replace(names, shape=whole.shape)
        subject = self._subject(tree["subject"], formulas, of_subject.only(*_BEFORE, "record"))
        zone = self._zone(tree["source"].get("tz", {}), formulas, names.only(*UNIT_FACTS))
        variables, inner = reader.variables(tree.get("vars", {}), ("vars",), names, "record")
        reader = replace(reader, outer=dict(variables), many=records is not None)
        check_twins(tree["emit"], self.faults)
        emits: dict[str, Emit] = {}
        for index, entry in enumerate(tree["emit"]):
            if entry["id"] in emits:
                self.faults.add("mapping.duplicate-emit", ("emit", index, "id"), name=entry["id"])
            emit = reader.read(entry, index, inner)
            if emit is not None:
                emits[entry["id"]] = emit
        before, each, after = order_emits(tuple(emits.values()), formulas.refs, self.faults)
        return Plan(
            id=tree["mapping"],
            version=tree["version"],
            file=self.label,
            subject=subject,
            records=records,
            match=match,
            vars=variables,
            before=before,
            each=each,
            after=after,
            policy=policy,
            zone=zone,
            referred=frozenset(name for name, given, _ in formulas.refs if not given),
            context=tree.get("context"),
            format=tree["source"]["format"],
        )

    def _subject(self, tree: dict[str, Any], formulas: Formulas, names: Names) -> SubjectPlan:
        resolve: list[str | Formula] = []
        for key in ("system", "value"):
            text, place = tree["resolve"][key], ("subject", "resolve", key)
            resolve.append(formulas.compile(text, place, names) or "" if is_expression(text) else literal(text))
        verify = []
        for key, text in tree.get("verify", {}).items():
            formula = formulas.compile(text, ("subject", "verify", key), names)
            if formula is not None:
                verify.append((key, formula))
        position = self.faults.position(("subject",))
        return SubjectPlan(tree.get("per") == "record", resolve[0], resolve[1], tuple(verify), position)

    def _zone(self, tree: dict[str, Any], formulas: Formulas, names: Names) -> Zone:
        default: Any = tree.get("default")
        place: Place = ("source", "tz", "default")
        if isinstance(default, str) and not is_expression(default) and not is_zone(default):
            self.faults.add("mapping.structure", place, problem=f"{default} is neither an IANA zone nor an offset")
        if is_expression(default):
            default = formulas.compile(default, place, names)
            if default is not None and default.sources:
                self.faults.add(
                    "mapping.structure", place, problem="tz.default reads %subject, %site and %study only"
                )
        return Zone(default, tree.get("ambiguous", "error"), tree.get("gap", "error"))

    def _schema(self, name: str | None) -> Schema | None:
        if name is None:
            return None
        place = ("source", "schema")
        try:
            data = beside(self.folder, name).read_bytes()
            if len(data) > MAX_BYTES:
                raise NotASchema(f"it is longer than {MAX_BYTES} bytes")
            tree = loads(data)
            if problem := untaken(tree):
                raise NotASchema(problem)
            if is_too_much(tree):
                raise NotASchema(f"its branches multiply to more than {MAX_WORK} schemas for one value")
            if multiplies(tree):
                raise NotASchema("a part that contains itself is tried in several ways on one value")
            return Schema(tree)
        except NotASchema as error:
            self.faults.add("mapping.payload-schema", place, name=name, problem=str(error))
        except BadRequest as error:
            self.faults.add("mapping.payload-schema", place, name=name, problem=error.issues[0].message)
        except OSError:
            self.faults.add("mapping.file-missing", place, name=name)
        return None

    def _tables(self, tree: dict[str, str]) -> dict[str, Table]:
        found: dict[str, Table] = {}
        canonical = self.around.definitions.concept_map
        for name, location in tree.items():
            try:
                found[name] = find_concept_map(name, location, self.folder, self.around.concept_maps, canonical)
            except NotATable as error:
                self.faults.add("mapping.table", ("conceptmaps", name), name=location, problem=error)
            except OSError:
                self.faults.add("mapping.file-missing", ("conceptmaps", name), name=location)
        return found

    def _lookups(
        self, tree: dict[str, dict[str, str]]
    ) -> tuple[dict[str, Mapping[str, Row]], dict[str, frozenset[str]]]:
        """The rows and the columns of each table that can be read."""
        found: dict[str, Mapping[str, Row]] = {}
        columns: dict[str, frozenset[str]] = {}
        for name, entry in tree.items():
            place = ("lookups", name, "csv")
            try:
                found[name], columns[name] = read_lookup(beside(self.folder, entry["csv"]).read_bytes(), entry["key"])
            except NotATable as error:
                self.faults.add("mapping.table", place, name=entry["csv"], problem=error)
            except OSError:
                self.faults.add("mapping.file-missing", place, name=entry["csv"])
        return found, columns

    def _check_unused(self, tree: dict[str, Any], formulas: Formulas) -> None:
        parts = (("conceptmaps", "map"), ("lookups", "lookup"), ("vars", "var"))
        for key, kind in parts:
            for name in tree.get(key, ()):
                if f"{kind} {name}" not in formulas.used:
                    self.faults.add_at_key("mapping.unused", (key, name), what=f"{kind} {name}")
