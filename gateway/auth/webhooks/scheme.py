"""How a vendor proves who it is, as data."""

from collections.abc import Iterable, Mapping
from importlib.resources.abc import Traversable
from typing import Final, Literal

import msgspec

from gateway.core import yaml
from gateway.core.codec import dumps
from gateway.core.errors import Unprocessable
from gateway.core.issues import issue

FOLDER: Final = ("gateway", "webhooks")


class Signature(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """Where the signature is, and over what.

    `field` names the part of a header such as `t=1,v1=...`, "" when all of it is the signature. `template` is what is
    signed: `{body}` stands for the raw bytes, `{timestamp}` for the text of the timestamp. `key_suffix` is put after
    the secret.
    """

    kind: Literal["hmac", "tink-ecdsa"]
    header: str
    template: str
    field: str = ""
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    key_suffix: str = ""


class Timestamp(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """Where the moment of sending is; `tolerance` is in seconds, either way."""

    header: str
    unit: Literal["s", "ms"]
    field: str = ""
    tolerance: int = 300


class HandshakeRule(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """What the vendor asks before it sends: `head` (any answer), `query-echo` (the parameter `echo` given back when
    `token` is right), `query-match` (204 or 404), `verification-post` (a body whose `member` is `value`)."""

    kind: Literal["head", "query-echo", "query-match", "verification-post"]
    token: str = ""
    echo: str = ""
    member: str = ""
    value: str = ""


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A header whose value is known."""

    header: str


class Scheme(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """The whole of it. `delivers` tells whether the body holds measurements, or only that there are some to fetch."""

    signature: Signature | None = None
    timestamp: Timestamp | None = None
    authorization: bool = False
    path_token: bool = False
    networks: Literal["required", "optional"] = "optional"
    expected: Expected | None = None
    handshake: HandshakeRule | None = None
    answer: Literal[200, 202, 204] = 200
    delivers: Literal["payload", "hint"] = "payload"

    @property
    def proves(self) -> bool:
        """Whether anything is asked for at all."""
        return self.signature is not None or self.path_token or self.authorization


def load_schemes(roots: Iterable[Traversable]) -> Mapping[str, Scheme]:
    """The schemes by name, those of later roots in the place of earlier ones.

    Raises `Unprocessable` for a file that is no scheme, or one that asks for no proof.
    """
    found: dict[str, Scheme] = {}
    for root in roots:
        folder = root.joinpath(*FOLDER)
        for file in sorted(folder.iterdir(), key=lambda one: one.name) if folder.is_dir() else ():
            name, _, suffix = file.name.rpartition(".")
            if suffix == "yaml":
                found[name] = _read(file, name)
    return found


def _read(file: Traversable, name: str) -> Scheme:
    try:
        scheme = msgspec.json.decode(dumps(yaml.load(file.read_text("utf-8")).tree), type=Scheme)
    except (yaml.YamlError, msgspec.MsgspecError):
        raise Unprocessable(issue("auth.webhook-scheme", name=name)) from None
    if not scheme.proves:
        raise Unprocessable(issue("auth.webhook-scheme", name=name))
    return scheme
