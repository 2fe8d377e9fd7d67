"""The entries of a batch or transaction, checked: what each asks for, nothing beyond the study's own FHIR base."""

import re
from datetime import UTC
from email.utils import format_datetime
from typing import Any, Final, Literal
from urllib.parse import unquote

import msgspec

from gateway.core.errors import BadRequest, PayloadTooLarge
from gateway.core.instants import from_micros, parse_interval
from gateway.core.issues import issue
from gateway.core.types import Resource

READS: Final = ("GET", "HEAD")
METHODS: Final = (*READS, "DELETE", "POST", "PUT", "PATCH")
_URL = re.compile(r"[!-~]*\Z")
_HEADERS: Final = {
    "ifMatch": "if-match",
    "ifNoneMatch": "if-none-match",
    "ifNoneExist": "if-none-exist",
    "ifModifiedSince": "if-modified-since",
}


class Entry(msgspec.Struct, frozen=True):
    """One entry: `path` below the base, decoded and without a leading slash; `query` as in an address.

    `headers` are the conditions, by the names that HTTP has for them. `full_url` is "" when it has none.
    """

    index: int
    full_url: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    resource: Resource | None

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing."""
        return self.method in READS

    @property
    def place(self) -> str:
        """The FHIRPath of the entry in the Bundle."""
        return f"Bundle.entry[{self.index}]"


def entries_of(
    bundle: Any, base: str, limit: int
) -> tuple[Literal["batch", "transaction"], tuple[Entry | BadRequest, ...]]:
    """The type and the entries of a Bundle; what is wrong with an entry stands in its place.

    Raises `BadRequest` for what is no such Bundle, and `PayloadTooLarge` for more than `limit` entries.
    """
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise BadRequest(issue("rest.not-a-bundle"))
    kind = bundle.get("type")
    entries = bundle.get("entry", [])
    if kind not in ("batch", "transaction") or not isinstance(entries, list):
        raise BadRequest(issue("rest.not-a-bundle", expression="Bundle.type"))
    if len(entries) > limit:
        raise PayloadTooLarge(issue("rest.bundle-size", limit=limit))
    return kind, tuple(_entry(index, entry, base) or _wrong(index) for index, entry in enumerate(entries))


def _wrong(index: int) -> BadRequest:
    return BadRequest(issue("rest.bundle-entry", expression=f"Bundle.entry[{index}]"))


def _entry(index: int, entry: Any, base: str) -> Entry | None:
    """The entry; None when it is not well-formed."""
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict) or request.get("method") not in METHODS:
        return None
    address = _address(request.get("url"), base)
    full_url, resource = entry.get("fullUrl", ""), entry.get("resource")
    texts = _headers(request) if len(request) > 2 else {}  # most have a method and an address alone
    if address is None or texts is None or not isinstance(full_url, str):
        return None
    if not _fits(request["method"], address[0], resource):
        return None
    return Entry(index, full_url, request["method"], *address, texts, resource)


def _headers(request: dict[str, Any]) -> dict[str, str] | None:
    """The conditions by the names that HTTP has for them; None when one is no text that a header may have."""
    texts = {name: request[key] for key, name in _HEADERS.items() if key in request}
    if not all(isinstance(text, str) and text.isascii() and text.isprintable() for text in texts.values()):
        return None
    if "if-modified-since" in texts:
        texts["if-modified-since"] = _http_date(texts["if-modified-since"])
    return texts


def _http_date(text: str) -> str:
    """An instant as a header has it, in whole seconds; anything else as it is."""
    found = parse_interval(text)
    return format_datetime(from_micros(found.low).astimezone(UTC), usegmt=True) if found else text


def _fits(method: str, path: str, resource: Any) -> bool:
    """Whether there is a resource where one is written, and no Bundle inside the Bundle."""
    if resource is None:
        return method not in ("PUT", "PATCH") and bool(path or method != "POST")
    return isinstance(resource, dict) and isinstance(resource.get("resourceType"), str) and bool(path)


def _address(url: Any, base: str) -> tuple[str, str] | None:
    """Path and query below the base; None for any other place, and for paths with tricks."""
    if not isinstance(url, str) or not _URL.match(url) or "#" in url or "\\" in url:
        return None
    if url.isalpha():  # a type alone, as most have that are to be created
        return url, ""
    if url.startswith(base) and url[len(base) : len(base) + 1] in ("", "/", "?"):
        url = url[len(base) :]
    raw, _, query = url.partition("?")
    if ":" in raw or raw.startswith("//"):
        return None
    try:
        path = unquote(raw.removeprefix("/"), errors="strict")
    except UnicodeDecodeError:
        return None
    if path and (any(part in ("", ".", "..") for part in path.split("/")) or not path.isprintable()):
        return None
    return path, query
