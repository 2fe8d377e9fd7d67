"""One HTML page about a study: what came in, what a reader may take along, and how it is spread.

`gather` reads through a Door, `write_report` makes the page, which loads nothing from anywhere.
"""

from gateway.export.report.gathering import Gathered, Stream, gather
from gateway.export.report.page import write_report

__all__ = ["Gathered", "Stream", "gather", "write_report"]
