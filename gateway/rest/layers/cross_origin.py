"""Browsers of other origins: only those that the installation names, and never with cookies.

See https://fetch.spec.whatwg.org/#http-cors-protocol.
"""

from collections.abc import Sequence
from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
SENT: Final = (
    "Authorization",
    "Content-Type",
    "If-Match",
    "If-Modified-Since",
    "If-None-Exist",
    "If-None-Match",
    "Prefer",
    "X-Break-Glass",
    "X-Change-Reason",
)
SHOWN: Final = (
    "Content-Location",
    "ETag",
    "Expires",
    "Last-Modified",
    "Location",
    "Retry-After",
    "WWW-Authenticate",
    "X-Progress",
    "X-Request-Id",
)


def for_origins(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """The application for browsers of `origins` too; itself when there are none."""
    if not origins:
        return app
    return CORSMiddleware(
        app, allow_origins=origins, allow_methods=METHODS, allow_headers=SENT, expose_headers=SHOWN, max_age=600
    )
