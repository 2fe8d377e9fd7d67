"""`python -m docs.reference.fhirpath_functions` writes the page from the declarations; it cannot lag behind."""

from collections.abc import Mapping
from pathlib import Path

from gateway.fhirpath.forms import FORMS, Form
from gateway.fhirpath.functions import FUNCTIONS, Function
from gateway.fhirpath.kinds import Kind

HEAD = """# FHIRPath functions

Every function that expressions may call, from the declarations in `gateway/fhirpath/functions` and
`gateway/fhirpath/forms`. Sections are those of [FHIRPath N1](https://hl7.org/fhirpath/N1/); "STU" functions come from
its later drafts, "FHIR" ones from [FHIR R4](https://hl7.org/fhir/R4/fhirpath.html#functions), "own" ones are the
gateway's. A form evaluates its arguments for each item or not at all. Each example is a test and gives `true`.
This page is generated: `python -m docs.reference.fhirpath_functions`.

| function | gives | section | what it does | example |
|---|---|---|---|---|
"""


def page() -> str:
    """The page's text: one row a function, by name."""
    declared: Mapping[str, Function | Form] = {**FUNCTIONS, **FORMS}
    return HEAD + "\n".join(_row(declared[name]) for name in sorted(declared)) + "\n"


def _row(entry: Function | Form) -> str:
    signature, gives, says = _function(entry) if isinstance(entry, Function) else _form(entry)
    example = entry.examples[0].replace("|", "\\|")
    return f"| `{signature}` | {gives} | {entry.section} | {says.replace('|', chr(92) + '|')} | `{example}` |"


def _function(entry: Function) -> tuple[str, str, str]:
    names = [name.lower() for name in entry.takes]
    required, optional = names[: entry.least], names[entry.least :]
    written = ", ".join(required + [f"{name}?" for name in optional]) + (", ..." if entry.variadic else "")
    first = (entry.call.__doc__ or "").strip().split("\n\n")[0]
    return f"{entry.focus.lower()}.{entry.name}({written})", _gives(entry.returns), " ".join(first.split())


def _form(entry: Form) -> tuple[str, str, str]:
    names = ["expression"] * entry.least + ["expression?"] * (entry.most - entry.least if entry.most < 9 else 0)
    written = ", ".join(names) + (", ..." if entry.most >= 9 else "")
    return f"{entry.name}({written})", "items" if entry.each else "item", entry.says


def _gives(kind: Kind | None) -> str:
    if kind is None:
        return "as the input"
    name = "item" if kind.types is None else "/".join(sorted(kind.types)).replace("System.", "")
    return f"{name}*" if kind.many else name


if __name__ == "__main__":
    Path(__file__).with_name("fhirpath-functions.md").write_text(page(), "utf-8")
