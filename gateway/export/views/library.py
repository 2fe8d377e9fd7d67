"""The views that come with a study: every `views/*.json` of its folder, by name."""

from collections.abc import Iterable, Mapping
from importlib.resources.abc import Traversable

from gateway.core.codec import loads
from gateway.core.errors import FhirError, Unprocessable
from gateway.core.issues import Issue, issue
from gateway.export.views.compile import CompiledView, compile_view
from gateway.export.views.definition import read_view


def study_views(study: str, roots: Iterable[Traversable]) -> Mapping[str, CompiledView]:
    """The study's views, compiled, by their names in order; later roots of `profiles` replace views of earlier ones.

    Raises `Unprocessable` with the faults of every view, each beginning with its file's name.
    """
    files: dict[str, Traversable] = {}
    for root in roots:
        folder = root.joinpath("studies", study, "views")
        if folder.is_dir():
            files |= {entry.name: entry for entry in folder.iterdir() if entry.name.endswith(".json")}
    found: dict[str, CompiledView] = {}
    faults: list[Issue] = []
    for name in sorted(files):
        try:
            view = load_view(files[name])
            found[view.view.name] = view
        except FhirError as error:
            faults += error.issues
    if faults:
        raise Unprocessable(*faults)
    return dict(sorted(found.items()))


def load_view(file: Traversable) -> CompiledView:
    """The view in a JSON file; it takes the file's name where it has none.

    Raises `BadRequest` or `Unprocessable`, whose issues tell the file.
    """
    try:
        tree = loads(file.read_bytes())
        if isinstance(tree, dict):
            tree.setdefault("name", file.name.removesuffix(".json").replace("-", "_"))
        return compile_view(read_view(tree))
    except FhirError as error:
        raise Unprocessable(
            issue("export.view-file", source=file.name, count=len(error.issues)), *error.issues
        ) from None
