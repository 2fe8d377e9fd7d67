"""The policies among the assets, by name."""

from collections.abc import Iterable, Mapping
from importlib.resources.abc import Traversable

_FOLDER = ("gateway", "deidentification")


def shipped_policies(roots: Iterable[Traversable]) -> Mapping[str, Traversable]:
    """Name -> file of every policy under the roots of `profiles`; later roots replace policies of earlier ones."""
    found: dict[str, Traversable] = {}
    for root in roots:
        folder = root.joinpath(*_FOLDER)
        if folder.is_dir():
            found |= {
                entry.name.rpartition(".")[0]: entry
                for entry in folder.iterdir()
                if entry.name.endswith((".json", ".yaml"))
            }
    return dict(sorted(found.items()))
