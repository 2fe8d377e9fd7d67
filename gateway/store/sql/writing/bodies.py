"""The bytes of a resource: encoded once, with the server's meta spliced in, and compared by digest."""

import hashlib
import re
from functools import lru_cache

import msgspec

from gateway.core import Resource, dumps, issue, loads
from gateway.core.errors import Unprocessable
from gateway.core.instants import format_instant, from_micros
from gateway.core.resources import Key

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")
_TYPE = re.compile(r"[A-Za-z]{1,64}\Z")
_sorted = msgspec.json.Encoder(decimal_format="number", order="sorted")


class Encoded(msgspec.Struct, frozen=True, gc=False):
    """A resource without the server's meta: `meta` the client's own meta, `rest` everything but type, id and meta."""

    key: Key
    meta: bytes
    rest: bytes
    digest: bytes

    def body(self, version: int, updated: int) -> bytes:
        """The bytes served as `version`, last updated at `updated` microseconds."""
        key, own, rest = self.key, self.meta[1:-1], self.rest[1:]
        return b'{"resourceType":"%b","id":"%b","meta":{%b%b"versionId":"%d","lastUpdated":"%b"}%b%b' % (
            key.type.encode(),
            key.id.encode(),
            own,
            b"," if own else b"",
            version,
            _instant(updated),
            b"," if len(rest) > 1 else b"",
            rest,
        )


@lru_cache(maxsize=64)
def _instant(updated: int) -> bytes:
    """The text of an instant; the resources of a unit share it."""
    return format_instant(from_micros(updated)).encode()


def encode(key: Key, resource: Resource) -> Encoded:
    """The resource as bytes, the server's `versionId` and `lastUpdated` left out.

    Raises `Unprocessable` with `store.key-mismatch` when it has another type or id than its key, `store.id` when
    the id is none.
    """
    rest = dict(resource)
    if rest.pop("resourceType", None) != key.type or rest.pop("id", None) != key.id:
        raise Unprocessable(issue("store.key-mismatch", type=key.type))
    if not _ID.match(key.id) or not _TYPE.match(key.type):
        raise Unprocessable(issue("store.id", type=key.type))
    meta = rest.pop("meta", None)
    own = {name: value for name, value in meta.items() if name not in _SERVER} if isinstance(meta, dict) else {}
    meta_text = dumps(own) if own else b"{}"
    rest_text = dumps(rest)
    digest = hashlib.blake2b(meta_text + rest_text, digest_size=16).digest()
    return Encoded(key, meta_text, rest_text, digest)


_SERVER = ("versionId", "lastUpdated")


def same_content(body: bytes, resource: Resource) -> bool:
    """Whether a stored body says the same as a resource: server meta aside, whatever the order of the keys."""
    return _canonical(loads(body)) == _canonical(resource)


def _canonical(resource: Resource) -> bytes:
    meta = {name: value for name, value in resource.get("meta", {}).items() if name not in _SERVER}
    text: bytes = _sorted.encode({**resource, "meta": meta})
    return text
