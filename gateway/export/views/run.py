"""A view over what a reader may take along."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from gateway.access import Door
from gateway.core.codec import loads_stored
from gateway.core.errors import Unprocessable
from gateway.export.views.compile import CompiledView, Row

REPORT_EVERY = 500
"""Resources between two calls of the progress callback."""

Progress = Callable[[int], None]
"""Called with how many resources were read so far."""


def run_view(view: CompiledView, door: Door, progress: Progress | None = None) -> Iterator[Row]:
    """The rows of every visible resource of the view's type, oldest first, in constant memory.

    Consent is asked with the action `disclose`, batch by batch. Raises `Forbidden` for a type beyond the reader's
    scopes, and `Unprocessable`, naming the resource, where the view does not fit one.
    """
    kind, count = view.view.resource, 0
    for count, stored in enumerate(door.stream(kind), 1):
        try:
            yield from view.rows(loads_stored(stored.body))
        except Unprocessable as error:
            places = (replace(found, source=stored.key.reference) for found in error.issues)
            raise Unprocessable(*places) from None
        if progress and count % REPORT_EVERY == 0:
            progress(count)
    if progress:
        progress(count)
