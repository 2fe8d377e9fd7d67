"""Bundles spliced from stored bytes: searchset and history. Nothing is parsed on the way out.

See https://hl7.org/fhir/R4/bundle.html#searchset and #history.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from gateway.access import Bodies
from gateway.core.codec import dumps
from gateway.core.instants import format_instant
from gateway.core.issues import Issue, operation_outcome
from gateway.core.resources import Stored
from gateway.core.types import Resource

Shown: TypeAlias = Callable[[Stored], bytes]
"""The bytes of a version as they are shown: all of it, or a summary."""


_MADE: Final = re.compile(r"[0-9a-f]{32}\Z")
"""An id as the gateway makes them; any other came with a PUT."""


def whole(stored: Stored) -> bytes:
    """All of the version, as it is stored."""
    return stored.body


def searchset(
    base: str,
    rows: Iterable[Stored],
    links: Mapping[str, str],
    total: int | None,
    *,
    included: Iterable[Stored] = (),
    ignored: Iterable[Issue] = (),
    shown: Shown = whole,
) -> bytes:
    """The JSON of a searchset: matches, then what they include, then an outcome where something was ignored.

    `base` is the FHIR base without a final slash, `links` relation -> URL; no total is told when it is None.
    """
    entries = [
        *_entries(base, rows, b"match", shown),
        *_entries(base, included, b"include", shown),
        *_outcome(ignored),
    ]
    return _bundle("searchset", _apart(entries), links, total)


def whole_searchset(base: str, page: Bodies, links: Mapping[str, str], ignored: Iterable[Issue] = ()) -> bytes:
    """The JSON of a searchset of whole resources and what they include, as `searchset` makes it."""
    head, tail = b'{"fullUrl":"%b/%b/' % (base.encode(), page.type.encode()), b',"search":{"mode":"match"}}'
    pieces = [b'","resource":'] * (4 * len(page.ids))
    pieces[0::4] = [tail + b"," + head] * len(page.ids)
    pieces[1::4] = map(str.encode, page.ids)
    pieces[3::4] = page.bodies
    if pieces:
        pieces[0] = head
        pieces.append(tail)
    told = _outcome(ignored)
    if page.included:
        told = [*_entries(base, page.included, b"include", whole), *told]
    more = (b",", *_apart(told)) if pieces and told else _apart(told)
    return _bundle("searchset", [*pieces, *more] if more else pieces, links, page.total)


def history(base: str, rows: Iterable[Stored], links: Mapping[str, str], shown: Shown = whole) -> bytes:
    """The JSON of a history: each version with the request that could have made it, deletions without a resource."""
    return _bundle("history", _apart([_version(base, row, shown) for row in rows]), links, None)


def _apart(entries: Sequence[bytes]) -> tuple[bytes, ...]:
    """The entries with commas between, as one text; nothing of none."""
    return (b",".join(entries),) if entries else ()


def _bundle(type: str, pieces: Sequence[bytes], links: Mapping[str, str], total: int | None) -> bytes:
    """The Bundle whose entries, with what stands between them, are `pieces`: copied once."""
    head: Resource = {"resourceType": "Bundle", "type": type}
    if total is not None:
        head["total"] = total
    head["link"] = [{"relation": relation, "url": url} for relation, url in links.items()]
    text = dumps(head)
    return b"".join((text[:-1], b',"entry":[', *pieces, b"]}")) if pieces else text


def _outcome(ignored: Iterable[Issue]) -> list[bytes]:
    issues = tuple(ignored)
    return [b'{"resource":%b,"search":{"mode":"outcome"}}' % dumps(operation_outcome(issues))] if issues else []


def _entries(base: str, rows: Iterable[Stored], mode: bytes, shown: Shown) -> list[bytes]:
    head, tail = b'{"fullUrl":"%b/' % base.encode(), b',"search":{"mode":"%b"}}' % mode
    return [b'%b%b","resource":%b%b' % (head, row.key.reference.encode(), shown(row), tail) for row in rows]


def _version(base: str, row: Stored, shown: Shown) -> bytes:
    reference = row.key.reference
    if row.deleted:
        request, status = {"method": "DELETE", "url": reference}, "204"
    elif row.version == 1:
        posted = {"method": "POST", "url": row.key.type}
        request, status = posted if _MADE.match(row.key.id) else {"method": "PUT", "url": reference}, "201"
    else:
        request, status = {"method": "PUT", "url": reference}, "200"
    response = {"status": status, "etag": f'W/"{row.version}"', "lastModified": format_instant(row.updated)}
    head = dumps({"fullUrl": f"{base}/{reference}"})
    tail = dumps({"request": request, "response": response})
    body = b"" if row.deleted else b',"resource":' + shown(row)
    return head[:-1] + body + b"," + tail[1:]
