"""`python -m docs.reference.rules` writes rules.md from the catalogue, so that the page cannot lag behind."""

from pathlib import Path

from gateway.core.rules import AREAS, RULES

HEAD = """# Rules

Every finding and refusal names one of these ids (`OperationOutcome.issue.details.coding.code`). An id is stable and
never reused. This page is generated: `python -m docs.reference.rules`.
"""


def page() -> str:
    """The page's text: a table an area, in the order of the data's path."""
    parts = [HEAD]
    for area in AREAS:
        rows = [f"| `{key}` | {rule.severity} | {rule.code} | {rule.message} | {rule.hint} |"
                for key, rule in sorted(RULES.items()) if key.startswith(area + ".")]  # fmt: skip
        if rows:
            parts += [
                f"\n## {area}\n",
                "| id | severity | type | says | what to do |",
                "|---|---|---|---|---|",
                *rows,
            ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("rules.md").write_text(page(), "utf-8")
