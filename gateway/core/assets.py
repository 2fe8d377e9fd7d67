"""Where the asset folders are: in the wheel, in the checkout, and in overlays given by the settings."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

AssetKind = Literal["mappings", "profiles", "terminology"]


def asset_root(kind: AssetKind) -> Traversable:
    """The folder of the product's own assets: `gateway/_assets/<kind>` of a wheel, `<checkout>/<kind>` otherwise."""
    package = files("gateway")
    packed = package.joinpath("_assets", kind)
    if packed.is_dir():
        return packed
    return Path(str(package)).parent / kind


def asset_roots(kind: AssetKind, overlays: tuple[Path, ...] = ()) -> tuple[Traversable, ...]:
    """The roots to read in order: the product's own first, then `<overlay>/<kind>` of each overlay that has it.

    A file of a later root replaces the file with the same relative path of an earlier one.
    """
    extra = tuple(folder / kind for folder in overlays if (folder / kind).is_dir())
    return (asset_root(kind), *extra)
