"""The beginning of a mapping from one sample payload: its inferred schema, and a file that compiles."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from gateway.core import dumps
from gateway.fhirpath import FhirPathError, compile
from gateway.fhirpath.syntax import nodes
from gateway.formats import FORMATS

_NONE: Mapping[str, Any] = MappingProxyType({})
_NAMES = {str: "string", bool: "boolean", int: "integer"}
_MAX_FIELDS = 40


def inferred_schema(*trees: Any) -> dict[str, Any]:
    """A JSON Schema 2020-12 that the samples fit: names and types; nothing is required and nothing is closed."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_schema(list(trees))}


def _schema(samples: list[Any]) -> dict[str, Any]:
    objects = [sample for sample in samples if isinstance(sample, dict)]
    lists = [sample for sample in samples if isinstance(sample, list)]
    plain = [sample for sample in samples if sample is not None and not isinstance(sample, dict | list)]
    kinds = {_NAMES.get(type(sample), "number") for sample in plain}
    if "number" in kinds:
        kinds.discard("integer")
    made: dict[str, Any] = {}
    if objects:
        kinds.add("object")
        names = dict.fromkeys(name for one in objects for name in one)
        made["properties"] = {name: _schema([one[name] for one in objects if name in one]) for name in names}
    if lists:
        kinds.add("array")
        made["items"] = _schema([item for one in lists for item in one])
    if None in samples:
        kinds.add("null")
    listed = sorted(kinds)
    return ({"type": listed[0] if len(listed) == 1 else listed} if listed else {}) | made


def scaffold(vendor: str, data_type: str, format_name: str, tree: Any, options: Mapping[str, Any] = _NONE) -> str:
    """The text of a mapping file: one Observation a record, a component for each value of it. It is a draft.

    `options` are those of the format by which the sample was decoded.
    """
    path, record = max(_lists(tree), key=lambda found: len(found[1]), default=((), None))
    first = record[0] if record else tree
    fields = list(_scalars(first if isinstance(first, dict) else {}, FORMATS[format_name].holder))[:_MAX_FIELDS]
    told = f"\n  options: {dumps(options).decode()}" if options else ""
    records = f"\n  records: {_quoted(_dotted(path) or '%payload')}" if record else ""
    keys = ", ".join(_quoted(f"coalesce({_dotted(name)}.toString(), '')") for name, _ in fields[:3])
    parts = "\n".join(_component(name, value) for name, value in fields)
    return f"""\
mapping: {vendor}.{data_type}
version: 0.1.0
status: draft
fhir: 4.0.1
describe: {data_type} of {vendor}

source:
  format: {format_name}{told}
  schema: payload.schema.json                # inferred from one sample: correct it{records}

subject:
  resolve: {{system: "urn:{vendor}:user", value: =%envelope.vendorUserId}}
  on_missing: quarantine

emit:
  - id: record
    key: [=%subject.id{", " if keys else ""}{keys}]   # what makes a record the same record in the next payload
    resource:
      resourceType: Observation
      status: final
      code: {{text: {data_type}}}                # the LOINC code
      subject: {{reference: =%subject.reference}}
      component:                             # the shape of the sample: turn it into value, effective, device ...
{parts or "        - {code: {text: none}}"}
"""


def _lists(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """The lists of objects of a tree, with the names that lead there, none for the tree itself; also those within a
    list of one object, as formats have them where one thing may come several times."""
    if isinstance(tree, list) and tree and all(isinstance(one, dict) for one in tree):
        yield path, tree
        if len(tree) == 1:
            yield from _lists(tree[0], path)
    elif isinstance(tree, dict):
        for name, child in tree.items():
            yield from _lists(child, (*path, name))


def _scalars(
    tree: dict[str, Any], holder: Callable[[str], str], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The values of an object, with the names that lead there; those of a list of one too. Of names
    that tell one value, as HL7 v2's `f3` and `f3_1`, the longest."""
    told = {holder(name) for name in tree if holder(name) != name}
    for name, child in tree.items():
        if name in told:
            continue
        if isinstance(child, list) and len(child) == 1:
            child = child[0]
        if isinstance(child, dict):
            yield from _scalars(child, holder, (*path, name))
        elif not isinstance(child, list) and child is not None:
            yield (*path, name), child


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(name if _is_plain(name) else _in_backticks(name) for name in path)


def _is_plain(name: str) -> bool:
    """True for a name that FHIRPath reads as one: no keyword, no boolean."""
    try:
        return isinstance(compile(name, model=None).ast, nodes.Member) and name.isidentifier()
    except FhirPathError:
        return False


def _in_backticks(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def _quoted(expression: str) -> str:
    """The expression as YAML in double quotes."""
    return dumps(f"={expression}").decode()


def _component(path: tuple[str, ...], sample: Any) -> str:
    kind = "Boolean" if isinstance(sample, bool) else "String" if isinstance(sample, str) else ""
    name = _dotted(path)
    shown = f"value{kind}: " if kind else "valueQuantity: {value: "
    text, value, when = (dumps(one).decode() for one in (name, f"={name}", f"={name}.exists()"))
    end = "" if kind else "}"
    return f"        - {{when: {when}, code: {{text: {text}}}, {shown}{value}{end}}}"
