"""A view over what a reader may take along."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from gateway.access import Door
from gateway.core.codec import loads_stored
from gateway.core.errors import Unprocessable
from gateway.export.views.compile import CompiledView, Row

Progress = Callable[[int], None]
"""Called with how many resources were read so far."""


def run_view(view: CompiledView, door: Door, progress: Progress | None = None) -> Iterator[Row]:
    """The rows of every visible resource of the view's type, in constant memory.

    Consent is asked with the action `disclose`, batch by batch. Raises `Forbidden` for a type beyond the reader's
    scopes, and `Unprocessable`, naming the resource, where the view does not fit one.
    """
    kind, count = view.view.resource, 0
    for batch in door.batches(kind):
        for body in batch.bodies:
            resource = loads_stored(body)
            try:
                yield from view.rows(resource)
            except Unprocessable as error:
                places = (replace(found, source=f"{kind}/{resource.get('id')}") for found in error.issues)
                raise Unprocessable(*places) from None
        count += batch.count
        if progress:
            progress(count)
