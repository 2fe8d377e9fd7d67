"""The tables of the search index: what a current resource is found by.

Three ways to be found. **Facets**: the tokens, URIs and texts that many resources have in common (code, category,
status, profile, which parameters have a value) are kept once for each set of them that occurs; a resource has one
`facet`. **Terms**: what is a resource's own (identifiers, references) is a row of a hash, in the order of the
clinical date. **Values**: numbers, dates and strings are rows probed by resource. A resource that leaves leaves no
row but its facet, which others may have.

`hash` is a signed 64-bit digest over type, parameter and form (see `gateway.store.sql.terms`); `at` is where the
resource stands in time, `resource.at`; `part` is 0, or the number of the place in which a composite's values stand.
"""

from sqlalchemy import BigInteger, Double, Index, SmallInteger, String
from sqlmodel import Field

from gateway.store.sql.tables import CLUSTERED, Table

TEXT = String().with_variant(String(collation="C"), "postgresql")
"""A text that compares by code points, whatever the database's language."""


class TermRow(Table, table=True):
    """A token, URI or reference of one resource, newest first in the order of the key read backwards."""

    __tablename__ = "search_term"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    hash: int = Field(sa_type=BigInteger, primary_key=True)
    at: int = Field(sa_type=BigInteger, primary_key=True)
    pk: int = Field(sa_type=BigInteger, primary_key=True)


class ReferenceRow(Table, table=True):
    """Where a reference of a resource leads; `hash` is of the type and parameter. A URL has the type ""."""

    __tablename__ = "search_reference"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    pk: int = Field(sa_type=BigInteger, primary_key=True)
    hash: int = Field(sa_type=BigInteger, primary_key=True)
    type: str = Field(sa_type=TEXT, primary_key=True)
    id: str = Field(sa_type=TEXT, primary_key=True)


class DateRow(Table, table=True):
    """An interval of a resource, beside the one that it stands in time by."""

    __tablename__ = "search_date"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    pk: int = Field(sa_type=BigInteger, primary_key=True)
    hash: int = Field(sa_type=BigInteger, primary_key=True)
    low: int = Field(sa_type=BigInteger, primary_key=True)
    high: int = Field(sa_type=BigInteger, primary_key=True)
    part: int = Field(sa_type=SmallInteger, primary_key=True)


class NumberRow(Table, table=True):
    """A number or quantity of a resource; `unit` is 0 for a number, else that of a `UnitRow`."""

    __tablename__ = "search_number"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    pk: int = Field(sa_type=BigInteger, primary_key=True)
    hash: int = Field(sa_type=BigInteger, primary_key=True)
    low: float = Field(sa_type=Double, primary_key=True)
    high: float = Field(sa_type=Double, primary_key=True)
    unit: int = Field(sa_type=BigInteger, primary_key=True)
    part: int = Field(sa_type=SmallInteger, primary_key=True)
    canonical_low: float = Field(sa_type=Double)
    canonical_high: float = Field(sa_type=Double)


class UnitRow(Table, table=True):
    """A unit that some quantity of the study has; `canonical` is its UCUM base unit, "" for none."""

    __tablename__ = "search_unit"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    unit: int = Field(sa_type=BigInteger, primary_key=True)
    system: str
    code: str
    name: str
    canonical: str


class StringRow(Table, table=True):
    """A text of a resource, folded; `exact` is the hash of the text as it is."""

    __tablename__ = "search_string"
    __table_args__ = (Index("search_string_text", "study", "hash", "normal", "pk"), CLUSTERED)

    study: str = Field(primary_key=True)
    pk: int = Field(sa_type=BigInteger, primary_key=True)
    hash: int = Field(sa_type=BigInteger, primary_key=True)
    normal: str = Field(sa_type=TEXT, primary_key=True)
    exact: int = Field(sa_type=BigInteger, primary_key=True)
    part: int = Field(sa_type=SmallInteger, primary_key=True)


class WordRow(Table, table=True):
    """A word of a resource's narrative or of its whole content."""

    __tablename__ = "search_word"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    hash: int = Field(sa_type=BigInteger, primary_key=True)
    pk: int = Field(sa_type=BigInteger, primary_key=True)


class FacetRow(Table, table=True):
    """A set of common values that occurs."""

    __tablename__ = "search_facet"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    type: str = Field(primary_key=True)
    facet: int = Field(sa_type=BigInteger, primary_key=True)


class FacetTermRow(Table, table=True):
    """A token, URI or present parameter of a set."""

    __tablename__ = "search_facet_term"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    hash: int = Field(sa_type=BigInteger, primary_key=True)
    facet: int = Field(sa_type=BigInteger, primary_key=True)


class FacetTextRow(Table, table=True):
    """A text of a set: what stands beside a token, a token's code to sort by, or a URI; `hash` is of which."""

    __tablename__ = "search_facet_text"
    __table_args__ = (CLUSTERED,)

    study: str = Field(primary_key=True)
    facet: int = Field(sa_type=BigInteger, primary_key=True)
    hash: int = Field(sa_type=BigInteger, primary_key=True)
    text: str = Field(sa_type=TEXT, primary_key=True)
