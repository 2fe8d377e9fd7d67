"""Bulk exports: started and asked about by their client, worked on by whichever process is alive.

Consent is asked when rows are read, in batches, and again before a file is served: under any other standing of the
study's Consents than it was written under, the file is written again, of the same resources as they may be seen now.
See https://hl7.org/fhir/uv/bulkdata/export.html.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Final, TypeAlias

from gateway.access import Access, Door
from gateway.auth.scopes import narrowed, reaches_as_far
from gateway.auth.tokens import ClientOf
from gateway.core.clock import Clock
from gateway.core.errors import Forbidden, NotFound, TooManyRequests, Unavailable
from gateway.core.export_job import ExportJob
from gateway.core.instants import from_micros, micros, parse_interval
from gateway.core.issues import issue
from gateway.core.principal import Principal
from gateway.core.resources import Stored
from gateway.export.bulk.blocks import blocks_again
from gateway.export.bulk.departures import Departures
from gateway.export.bulk.files import Folder, chunks, drop_left, ids_in, lines
from gateway.export.bulk.filters import together
from gateway.export.bulk.port import ExportStore
from gateway.export.bulk.renaming import let_go
from gateway.export.bulk.request import ExportRequest, Output, Part, encode, request_of, state_of
from gateway.export.deidentify import Deidentifier, Deidentifiers
from gateway.search import Query
from gateway.search.query import IdClause
from gateway.study import Study

RUNNING_LIMIT: Final = 1
"""Exports that a client may have running in a study."""

FILES_AT_ONCE: Final = 20
"""Files in one of the manifests that an export with partial manifests has."""

IDS_AT_ONCE: Final = 500
CHUNK: Final = 256_000
ATTEMPTS: Final = 8
"""How often Consents may change while one file is written again before the reader is told to come back."""

Show: TypeAlias = Callable[[Stored, Sequence[str]], bytes]
"""A version and the elements asked for -> the bytes that leave."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """Every export of an installation.

    `folder` holds the files, `keep` is how long they stay, `wake` is called when there is work. `client_of` tells
    which clients may be used now.
    """

    store: ExportStore
    access: Access
    studies: Mapping[str, Study]
    client_of: ClientOf
    clock: Clock
    folder: Path
    keep: timedelta
    show: Show
    deidentifiers: Deidentifiers
    departures: Departures
    wake: Callable[[], None]

    def start(self, principal: Principal, request: ExportRequest) -> ExportJob:
        """A new export, durable; raises `TooManyRequests` when the client has one running in the study."""
        now = self.clock()
        since = parse_interval(request.since) if request.since else None
        if since:
            changed = self.store.changed_subjects(principal.study, from_micros(since.low), now)
            request = replace(request, changed=tuple(changed))
        job = ExportJob(
            study=principal.study,
            id=secrets.token_hex(16),
            client=principal.client,
            status="running",
            created=now,
            expires=now + self.keep,
            request=encode(request),
        )
        if not self.store.add(job, RUNNING_LIMIT):
            raise TooManyRequests(issue("export.running", limit=RUNNING_LIMIT))
        self.wake()
        return job

    def job(self, principal: Principal, id: str) -> ExportJob:
        """The client's own export; raises `NotFound` for any other, and for one that has expired."""
        job = self.store.job(principal.study, id)
        if job is None or job.client != principal.client or job.expires <= self.clock():
            raise NotFound(issue("export.unknown"))
        return job

    def cancel(self, principal: Principal, id: str) -> None:
        """Ends and forgets the client's own export, its files too; raises `NotFound`."""
        self.remove(self.job(principal, id))

    def remove(self, job: ExportJob) -> None:
        """Forgets an export and removes its files."""
        self.store.remove(job.study, job.id)
        self.folder_of(job).remove()

    def outputs(self, job: ExportJob, *, deleted: bool = False, page: int = 0) -> list[Output]:
        """Files of an export as they are now, those that have anything; `deleted`: those that tell what to remove.

        All of them, or those of a page of `FILES_AT_ONCE`, which count from 1.
        """
        parts = [part for part in state_of(job.state).parts if part.is_deleted == deleted]
        start = (page - 1) * FILES_AT_ONCE
        found = []
        for part in parts[start : start + FILES_AT_ONCE] if page else parts:
            file, _standing = self._opened(job, part)
            with file:
                count = sum(data.count(b"\n") for data in chunks(file, CHUNK))
            if count:
                found.append(Output(part.type, f"{part.stem}.ndjson", count))
        return found

    def open(self, principal: Principal, job: ExportJob, name: str) -> Iterator[bytes]:
        """The bytes of a file, as long as no Consent changes meanwhile; raises `NotFound`.

        Ends with `Unavailable` in the middle when one does: what is sent then is no whole file.
        """
        part = next((one for one in state_of(job.state).parts if f"{one.stem}.ndjson" == name), None)
        is_told = job.status == "done" or (job.status == "running" and request_of(job.request).partial)
        if part is None or not is_told:
            raise NotFound(issue("export.unknown"))
        kind = self.require(job, principal, "bulk-download", (part,))
        self.access.door(principal).permit("bulk-download", kind, "rs")
        deidentifier = self.deidentifiers.for_role(self.studies[job.study], principal.role)
        return self._sent(job.study, *self._opened(job, part), part, deidentifier)

    def pages(self, job: ExportJob) -> int:
        """How many manifests there are that will not change any more; at the end 1 at least."""
        count = sum(not part.is_deleted for part in state_of(job.state).parts)
        return max(1, -(-count // FILES_AT_ONCE)) if job.status == "done" else count // FILES_AT_ONCE

    def require(self, job: ExportJob, principal: Principal, operation: str, parts: Sequence[Part]) -> str:
        """One of the types that parts of an export hold; raises `Forbidden`, on record, unless the caller may have
        them all, and may search those that filters ask, as far as who started it. What is to be removed is of any
        type that was asked for."""
        request = request_of(job.request)
        types = dict.fromkeys(
            kind for part in parts for kind in (request.types if part.is_deleted or not part.type else (part.type,))
        )
        door = self.access.door(principal)
        for letters, kinds in (("rs", types), ("s", request.reached)):
            for kind in kinds:
                if not reaches_as_far(principal.scopes, request.scopes, kind, letters):
                    door.permit(operation, kind, letters, whole=True)
        return next(iter(types), "")

    def _opened(self, job: ExportJob, part: Part) -> tuple[IO[bytes], str]:
        for _ in range(ATTEMPTS):
            path, standing = self.present(job, part)
            try:
                return path.open("rb"), standing
            except FileNotFoundError:  # written again by somebody else a moment ago
                continue
        raise Unavailable(issue("export.consents-change"))

    def _sent(
        self, study: str, file: IO[bytes], standing: str, part: Part, deidentifier: Deidentifier | None
    ) -> Iterator[bytes]:
        with file:
            left = let_go(lines(file, CHUNK), part, deidentifier) if deidentifier else chunks(file, CHUNK)
            for data in left:
                if self.store.standing(study, self.clock()) != standing:
                    raise Unavailable(issue("export.consents-change"))
                yield data

    def present(self, job: ExportJob, part: Part) -> tuple[Path, str]:
        """A part's file as of now, and its standing; written again when any Consent changed since it was written.

        Raises `NotFound` when the export is gone.
        """
        folder = self.folder_of(job)
        for _ in range(ATTEMPTS):
            standing = self.store.standing(job.study, self.clock())
            path = folder.file(part.stem, standing)
            if path.exists():
                return path, standing
            self._write_again(job, part, folder, path)
            if self.store.standing(job.study, self.clock()) == standing:
                folder.drop(part.stem, but=standing)
                return path, standing
        raise Unavailable(issue("export.consents-change"))

    def _write_again(self, job: ExportJob, part: Part, folder: Folder, path: Path) -> None:
        found = folder.newest(part.stem)
        if found is None:
            raise NotFound(issue("export.unknown"))
        try:
            writer = folder.writer()
            try:
                for line in self._lines_again(job, part, found[0]):
                    writer.write(line)
                writer.finish(path)
            finally:
                writer.abandon()
        except FileNotFoundError:
            raise NotFound(issue("export.unknown")) from None

    def _lines_again(self, job: ExportJob, part: Part, before: Path) -> Iterator[bytes]:
        door, request = self.door_of(job)
        if part.is_deleted:
            yield from self.departures.lines(job, request, door.principal)
            return
        again = self._again(job, request)
        if not part.type:
            yield from blocks_again(door, before, request.elements, self.show, again)
            return
        for ids in ids_in(before, IDS_AT_ONCE):
            for stored in door.stream(again(part.type, ids)):
                yield self.show(stored, request.elements)

    def _again(self, job: ExportJob, request: ExportRequest) -> Callable[[str, tuple[str, ...]], Query]:
        """The search for resources of a file by their ids; of a filter that asked others, with the filter: whoever
        is not seen any more is not told of by what referred to them."""
        read = self.departures.filter_reader(job.study)
        filters = [read(text, micros(job.created)) for text in request.filters] if request.reached else []

        def again(kind: str, ids: tuple[str, ...]) -> Query:
            own = [one for one in filters if one.type == kind]
            return Query(kind, (IdClause(ids), *(together(own) if own else ())))

        return again

    def door_of(self, job: ExportJob) -> tuple[Door, ExportRequest]:
        """The door of who asked for the export, as far as the client's rights still go, and what was asked.

        Raises `Forbidden` when the client may not be used any more.
        """
        request = request_of(job.request)
        study = self.studies.get(job.study)
        client = self.client_of(job.study, job.client)
        if study is None or client is None:
            raise Forbidden(issue("auth.client-unknown"))
        principal = study.principal(client)
        scopes = narrowed(request.scopes, principal.scopes)
        return self.access.door(
            replace(principal, scopes=scopes, token=request.token), request=job.id, deidentifies=True
        ), request

    def folder_of(self, job: ExportJob) -> Folder:
        """Where the files of an export are."""
        return Folder(self.folder / job.study / job.id)

    def tend(self, now: datetime) -> None:
        """Removes exports that have expired, and writes finished files again of which a Consent changed."""
        drop_left(self.folder)
        for study in self.studies:
            standing = self.store.standing(study, now)
            for job in self.store.jobs(study):
                if job.expires <= now:
                    self.remove(job)
                elif job.status == "done":
                    self._refresh(job, standing)

    def _refresh(self, job: ExportJob, standing: str) -> None:
        folder = self.folder_of(job)
        folder.drop_unfinished()
        try:
            for part in state_of(job.state).parts:
                if not folder.file(part.stem, standing).exists():
                    self.present(job, part)
                folder.drop(part.stem, but=standing)
        except Forbidden:  # the client lost the right to it, so that nobody may have the files any more
            self.remove(job)
        except NotFound:  # ended a moment ago, or its folder was lost
            return
