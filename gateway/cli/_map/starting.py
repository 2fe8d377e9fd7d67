"""`map new`: a draft mapping beside the schema that one sample shows."""

import json
from pathlib import Path

from gateway.cli.console import show_error, write_line


def write_scaffold(vendor: str, data_type: str, sample: Path, format_name: str, root: Path) -> int:
    """Writes the folder; the exit code, 2 when it is there already or the format is unknown."""
    from gateway.formats import FORMATS, decode
    from gateway.mapping.scaffold import inferred_schema, scaffold

    folder = root / vendor / data_type
    if folder.exists() or format_name not in FORMATS:
        show_error(
            f"{folder} is there already" if folder.exists() else f"no such format; known: {', '.join(FORMATS)}"
        )
        return 2
    tree = decode(sample.read_bytes(), format_name).tree
    folder.joinpath("examples").mkdir(parents=True)
    schema = json.dumps(inferred_schema(tree), indent=2) + "\n"
    folder.joinpath("payload.schema.json").write_text(schema, "utf-8")
    folder.joinpath("mapping.yaml").write_text(scaffold(vendor, data_type, format_name, tree), "utf-8")
    write_line(f"{folder}: write it, then gateway map lint {folder}")
    return 0
