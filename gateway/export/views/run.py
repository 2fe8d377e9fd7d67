"""A view over what a reader may take along."""

from collections.abc import Callable, Generator
from dataclasses import replace

from gateway.access import Door
from gateway.core.codec import loads_stored
from gateway.core.errors import Unprocessable
from gateway.export.deidentify import Deidentifier
from gateway.export.views.compile import CompiledView, Row
from gateway.search import Query

Progress = Callable[[int], None]
"""Called with how many resources were read so far."""


def run_view(
    view: CompiledView,
    door: Door,
    progress: Progress | None = None,
    query: Query | None = None,
    deidentifier: Deidentifier | None = None,
) -> Generator[Row, None, None]:
    """The rows of every visible resource of the view's type, or that `query` finds, in constant memory.

    Consent is asked with the action `disclose`, batch by batch. With a `deidentifier` the view sees only what its
    policy lets go, when all was read and in another order (`Deidentifier.apply_batches`). Raises `Forbidden` for a
    type beyond the reader's scopes, and `Unprocessable` where the view does not fit a resource, which is named, or
    where one cannot be de-identified. Who stops before the end closes it, so that how much was read is on record.
    """
    kind = view.view.resource
    read = _read(door, query or kind, progress)
    left = (lines for lines, _ in deidentifier.apply_batches(read)) if deidentifier else read
    for lines in left:
        for body in lines.split(b"\n")[:-1]:
            resource = loads_stored(body)
            try:
                yield from view.rows(resource)
            except Unprocessable as error:
                places = (replace(found, source=f"{kind}/{resource.get('id')}") for found in error.issues)
                raise Unprocessable(*places) from None


def _read(door: Door, query: Query | str, progress: Progress | None) -> Generator[bytes, None, None]:
    """The lines as they are read, batch by batch."""
    count = 0
    for batch in door.batches(query):
        yield batch.lines
        count += batch.count
        if progress:
            progress(count)
