"""JSON payloads: the tree is the document itself, positions are JSON Pointers.

Numbers are int, or Decimal with their own digits. `gateway.core.codec` refuses what is not one whole, sane document
(rules `payload.*`); a byte order mark before it is skipped. There are no options.
"""

from codecs import BOM_UTF8

from gateway.core.codec import loads
from gateway.formats.decoded import Decoded, Options, json_pointer


def decode_json(data: bytes, options: Options) -> Decoded:
    """The document in `data`; raises `BadRequest` with a `payload.*` rule."""
    return Decoded(loads(data.removeprefix(BOM_UTF8)), json_pointer)
