"""`python -m docs.reference.interactions` writes interactions.md from what the FHIR facade registers."""

from collections import Counter
from pathlib import Path

from gateway.definitions import r4
from gateway.rest.api import INTERACTIONS
from gateway.rest.discovery.offering import offered
from gateway.rest.exports.bulk import OFFERED
from gateway.rest.operation.declaration import ANY_TYPE
from gateway.rest.operations import found_operations
from gateway.search.parameters import REFUSED, Kind, Parameters

HEAD = """# Interactions by resource type

What the FHIR base offers of each R4 type and what it refuses, as in a study's CapabilityStatement. Numbers are
search parameters of each kind; [Search](search.md) names them, with modifiers and limits. Scopes and Consents decide
who may use them. This page is generated: `python -m docs.reference.interactions`.
"""

KINDS: tuple[Kind, ...] = ("token", "reference", "date", "string", "quantity", "number", "uri", "composite")
SHORT = {"history-instance": "history", "history-type": "history of the type", "search-type": "search"}


def page() -> str:
    """The page's text."""
    parameters, definitions = Parameters(r4()), r4()
    codes = [code for interaction in INTERACTIONS for code in interaction.CODES]
    system = [code for interaction in INTERACTIONS for code in getattr(interaction, "SYSTEM_CODES", ())]
    plain = ", ".join(SHORT.get(code, code) for code in codes)
    operations = found_operations()
    everywhere = sorted({one.name for one in operations if ANY_TYPE in one.types})
    above = [f"`${one.name}`" for one in operations if "system" in one.levels]
    parts = [
        HEAD,
        f"Of the whole study: {', '.join(system)}, {', '.join([*above, '`$export`'])}. **all**: {plain};",
        "create, update, patch and delete by a condition as well. Every type has",
        f"{', '.join(f'`${name}`' for name in everywhere)}. Of every type XML is refused (406, 415), and",
        f"{', '.join(f'`{name}`' for name in sorted(REFUSED) if name.startswith('_'))} of a search.\n",
        f"| type | interactions | {' | '.join(KINDS)} | operations | refused |",
        "|---|---|" + "---|" * (len(KINDS) + 2),
    ]
    for type in sorted(parameters.types):
        has = offered(type, codes)
        told = "all" if len(has) == len(codes) else ", ".join(SHORT.get(code, code) for code in has)
        counts = Counter(one.kind for one in parameters.of(type).values())
        own = [f"`${one.name}`" for one in operations if type in one.types]
        own += ["`$export`"] if OFFERED.get(type) else []
        known = definitions.search_parameters(type)
        refused = [f"`{code}`" for code in sorted(known) if _is_refused(code, type, parameters)]
        refused += [f"{SHORT.get(code, code)}" for code in codes if code not in has]
        numbers = " | ".join(str(counts[kind] or "") for kind in KINDS)
        parts.append(f"| {type} | {told} | {numbers} | {' '.join(dict.fromkeys(own))} | {', '.join(refused)} |")
    return "\n".join(parts) + "\n"


def _is_refused(code: str, type: str, parameters: Parameters) -> bool:
    return not code.startswith("_") and (code in REFUSED or code not in parameters.of(type))


if __name__ == "__main__":
    Path(__file__).with_name("interactions.md").write_text(page(), "utf-8")
