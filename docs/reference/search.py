"""`python -m docs.reference.search` writes search.md from what the search engine knows."""

from pathlib import Path

from gateway.definitions import r4
from gateway.search.parameters import OWN, REFUSED, Kind, Parameters
from gateway.search.parsing.kinds import MODIFIERS
from gateway.search.parsing.limits import DEFAULT_LIMITS
from gateway.search.parsing.results import RESULT_PARAMETERS
from gateway.search.parsing.values import PREFIXES

HEAD = """# Search

What a search may ask, by kind of parameter and by resource type. Values are separated by commas (any of them),
parameters are repeated (all of them); `\\` before `,` `|` `$` and `\\` takes their meaning. What is not listed is
refused by name. This page is generated: `python -m docs.reference.search`.
"""

MEANINGS: dict[Kind, str] = {
    "token": "`code`, `system|code`, `|code`, `system|`; codes are compared with their case, plain strings without",
    "reference": "`Type/id`, an id, a URL; canonicals with or without `|version`",
    "date": "any date, dateTime or instant; partial ones are the whole interval; without offset in UTC",
    "number": "`100` is 99.5 to 100.5: half of the last digit around it",
    "quantity": "`number`, `number|system|code`, `number||code`; UCUM units in their base unit",
    "string": "starts with it, without case, accents and punctuation; names and addresses part by part",
    "uri": "exactly it; `url` takes `|version`",
    "composite": "the components joined by `$`",
    "text": "words that are all there; `OR` between alternatives",
}

PREFIXED = ("date", "number", "quantity")

FORMS = """
## Names

| form | meaning |
|---|---|
| `subject:Patient.name`, `encounter.subject.gender` | a chain: what is asked of the resource referred to |
| `_has:Observation:patient:code` | what is asked of a resource that refers to this one; nests |
| `_list` | the resources that a List holds |
| `_type` | the types of a search of the whole study |
"""


def page() -> str:
    """The page's text."""
    parameters = Parameters(r4())
    limits = DEFAULT_LIMITS
    parts = [HEAD, "## Kinds\n", "| kind | values | prefixes | modifiers |", "|---|---|---|---|"]
    for kind, meaning in MEANINGS.items():
        prefixes = " ".join(sorted(PREFIXES)) if kind in PREFIXED else ""
        modifiers = " ".join(f"`:{name}`" for name in MODIFIERS[kind]) + (" `:[type]`" if kind == "reference" else "")
        parts.append(f"| {kind} | {meaning.replace('|', chr(92) + '|')} | {prefixes} | {modifiers} |")
    parts += [
        FORMS,
        "## Results\n",
        f"{', '.join(f'`{name}`' for name in RESULT_PARAMETERS)}; includes take `:iterate`, `Type:*` and `*`.\n",
        "## Plan\n",
        "`_explain=true` shows, instead of the results, what was understood, the statements and their plans, "
        "without a value; for roles with `operates: true` in the study file that may search the types.\n",
        "## Refused\n",
        f"{', '.join(f'`{name}`' for name in sorted(REFUSED))}, and `:above` and `:below` of references.\n",
        "## Limits\n",
        f"Of one search: {limits.clauses} parameters, {limits.values} values of a parameter ({limits.compared} where "
        f"each is compared, {limits.comparisons} of those in all, each component of a composite one), chains of "
        f"{limits.depth} links, {limits.expanded} codes of a value set or hierarchy, "
        f"{limits.includes} includes, {limits.sort} keys of the order, {limits.words} words.\n",
        "## Parameters by type\n",
        f"Every type has {', '.join(f'`{code}`' for code in sorted(OWN | set(parameters.of('Binary'))))}; "
        "`_content` only where `GATEWAY_FULL_TEXT` is set.\n",
        "| type | parameters |",
        "|---|---|",
    ]
    common = set(parameters.of("Binary"))
    for type in sorted(parameters.types):
        rows = [f"{one.code} ({one.kind})" for one in parameters.of(type).values() if one.code not in common]
        parts.append(f"| {type} | {', '.join(rows)} |")
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("search.md").write_text(page(), "utf-8")
