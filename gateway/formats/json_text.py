"""JSON payloads: the tree is the document itself, positions are JSON Pointers.

Numbers are int, or Decimal with their own digits. `gateway.core.codec` refuses what is not one whole, sane document
(rules `payload.*`). There are no options.
"""

from gateway.core.codec import loads
from gateway.formats.decoded import Decoded, Options, json_pointer


def decode_json(data: bytes, options: Options) -> Decoded:
    """The document in `data`; raises `BadRequest` with a `payload.*` rule."""
    return Decoded(loads(data), json_pointer)
