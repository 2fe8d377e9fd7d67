"""Attachments: the stated size is that of the data.

See https://hl7.org/fhir/R4/datatypes.html#Attachment.
"""

import re
from typing import Any

from gateway.conformance.run import Location, Run

_WHITE = re.compile(r"\s+")


def check_attachment(value: Any, at: Location, run: Run) -> None:
    """Reports a size that differs from the number of bytes in `data`."""
    if not isinstance(value, dict):
        return
    data, size = value.get("data"), value.get("size")
    if not isinstance(data, str) or not isinstance(size, int):
        return
    text = _WHITE.sub("", data)
    if size != len(text) * 3 // 4 - text.count("="):
        run.report("conformance.attachment-size", at)
