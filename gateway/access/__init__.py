"""The one door to stored resources.

`Access` makes a `Door` for a principal. Each call through it asks in this order: do the client's scopes allow it,
does the role, is it this study's, does the participant's Consent permit it; and each leaves an audit event before
anything is served. What a reader may not see is answered like what does not exist. Where a resource stands for
consent (whose, of which domains, from when) is computed here on every write.
"""

from gateway.access.access import Access
from gateway.access.catalogued import CataloguedStore
from gateway.access.door import Door
from gateway.access.placing.outline import Outline
from gateway.access.reading.limits import ScopeLimits
from gateway.access.writing.finding import Finder
from gateway.access.writing.transaction import Begun, Result, Step
from gateway.access.writing.writes import Delete, Write
from gateway.store.port import Bodies, Found, Page, Statement

__all__ = [
    "Access",
    "Begun",
    "Bodies",
    "CataloguedStore",
    "Delete",
    "Door",
    "Finder",
    "Found",
    "Outline",
    "Page",
    "Result",
    "ScopeLimits",
    "Statement",
    "Step",
    "Write",
]
