"""Bulk Data Access: exports that a client starts, waits for, and fetches file by file.

`read_kickoff` reads what is asked for, `Bulk` keeps the exports and serves their files, `Worker` does the work; an
`ExportStore` keeps them durable. See https://hl7.org/fhir/uv/bulkdata/export.html.
"""

from gateway.export.bulk.departures import Departures
from gateway.export.bulk.exports import Bulk
from gateway.export.bulk.kickoff import Asked, Offer, filter_reader, read_kickoff
from gateway.export.bulk.port import ExportStore
from gateway.export.bulk.request import request_of, state_of
from gateway.export.bulk.worker import Worker

__all__ = [
    "Asked",
    "Bulk",
    "Departures",
    "ExportStore",
    "Offer",
    "Worker",
    "filter_reader",
    "read_kickoff",
    "request_of",
    "state_of",
]
