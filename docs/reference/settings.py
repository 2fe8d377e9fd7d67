"""`python -m docs.reference.settings` writes settings.md from the product's settings."""

from pathlib import Path

from pydantic import SecretStr

from gateway.settings import PREFIX, Settings

HEAD = """# Settings

Environment variables; an unknown `GATEWAY_*` variable stops the start. Outside `GATEWAY_ENVIRONMENT=dev` the
development defaults (secret, http address, a database file open to all) are refused. This page is generated:
`python -m docs.reference.settings`.

| variable | default | meaning |
|---|---|---|
"""


def page() -> str:
    """The page's text: a row a setting, in the order of the class."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = "(development only)" if isinstance(default, SecretStr) and name == "secret" else default
        shown = "" if isinstance(shown, SecretStr) or shown in (None, "", ()) else shown
        rows.append(f"| `{PREFIX}{name.upper()}` | {shown} | {field.description} |")
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("settings.md").write_text(page(), "utf-8")
