"""Anchors: signed statements, kept outside the database, of where each chain of audit events ended and when.

A chain alone cannot show that rows at its end were cut off, or that an older copy of the database came back; the
shorter chain is whole. An anchor names the sequence and digest of the last row at some moment, so that every row up
to it must be there. The anchors of a study are one file of compact JWS (RFC 7515, Ed25519), a line each, which holds
the digest of the line before.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from gateway.audit.anchor_keys import AnchorKeys
from gateway.core.event import AuditRow
from gateway.core.instants import format_instant
from gateway.core.issues import Issue, issue

SUFFIX: Final = ".jws"


class Anchor(msgspec.Struct, frozen=True):
    """That the chain of `study` had at `at` (an instant) its row `sequence` with this `digest` (hex).

    `previous` is the SHA-256 (hex) of the line of the anchor before, "" for the first.
    """

    study: str
    sequence: int
    digest: str
    at: str
    previous: str


@dataclass(frozen=True, slots=True)
class Anchors:
    """The files of anchors in `folder`; `tell` hears of each new line, to keep it where nobody here can reach it."""

    folder: Path
    keys: AnchorKeys
    tell: Callable[[bytes], None] = lambda _line: None

    def add(self, row: AuditRow, now: datetime) -> Anchor:
        """Anchors a row, durably, and answers the anchor; the one that is there when it anchors that row already.

        Raises OSError when the file cannot be written, `Unavailable` without a key.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._file(row.study), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # several processes anchor one chain
            lines = file.read().splitlines()
            last = self._anchor(lines[-1]) if lines else None
            if last and last.sequence >= row.sequence:
                return last
            previous = hashlib.sha256(lines[-1]).hexdigest() if lines else ""
            anchor = Anchor(row.study, row.sequence, row.digest.hex(), format_instant(now), previous)
            line = self.keys.sign(msgspec.json.encode(anchor), now)
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.tell(line)
        return anchor

    def last(self, study: str) -> Anchor | None:
        """The newest anchor of a study; None when there is none, or its line is not one of ours."""
        lines = self._lines(study)
        return self._anchor(lines[-1]) if lines else None

    def read(self, study: str) -> tuple[Mapping[int, str], list[Issue]]:
        """What is anchored (sequence -> digest in hex), and an issue for the first line that is not as written."""
        found: dict[int, str] = {}
        previous = ""
        for number, line in enumerate(self._lines(study), 1):
            anchor = self._anchor(line)
            if anchor is None or anchor.study != study or anchor.previous != previous:
                return found, [issue("audit.anchor-changed", line=number)]
            found[anchor.sequence] = anchor.digest
            previous = hashlib.sha256(line).hexdigest()
        return found, []

    def _anchor(self, line: bytes) -> Anchor | None:
        payload = self.keys.payload(line)
        if payload is None:
            return None
        try:
            return msgspec.json.decode(payload, type=Anchor)
        except msgspec.MsgspecError:
            return None

    def _lines(self, study: str) -> list[bytes]:
        try:
            return self._file(study).read_bytes().splitlines()
        except FileNotFoundError:
            return []

    def _file(self, study: str) -> Path:
        return self.folder / f"{study}{SUFFIX}"
