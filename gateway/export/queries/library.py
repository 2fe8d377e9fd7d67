"""The tables of a study: its views, and the queries over them that its folder `queries/` holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable

from gateway.core.codec import loads
from gateway.core.errors import BadRequest, FhirError, Unprocessable
from gateway.core.issues import Issue, issue
from gateway.export.queries.annotated import library_of_sql
from gateway.export.queries.compile import CompiledQuery, Source, compile_query
from gateway.export.queries.definition import MAX_TABLES, Query, read_query
from gateway.export.views import CompiledView, study_views


@dataclass(frozen=True, slots=True)
class Shelf:
    """Views, compiled, and queries, read, by name. A query is compiled when it is asked for, which needs DuckDB."""

    views: Mapping[str, CompiledView]
    queries: Mapping[str, Query]

    @property
    def names(self) -> tuple[str, ...]:
        """Of views and queries, in order."""
        return tuple(sorted((*self.views, *self.queries)))

    def find(self, name: str) -> Source | None:
        """The view or query of a name, None when there is none; raises as `compile` does."""
        return self.views.get(name) or (self.compile(self.queries[name]) if name in self.queries else None)

    def compile(self, query: Query) -> Source:
        """The query over the tables that it names by their canonical addresses.

        Raises `Unprocessable`: `export.query-view` for what is not here, `export.query-cycle`, `export.query-deep`,
        and what its SQL may not say or cannot be; `BadRequest` (`export.table-extra`) without DuckDB.
        """
        self._check(query, (), [0])
        try:
            return self._made(query, {})
        except ModuleNotFoundError as missing:
            raise BadRequest(issue("export.table-extra", name=missing.name)) from None

    def _check(self, query: Query, above: tuple[str, ...], count: list[int]) -> None:
        """Finds all that the query stands on, as often as it is read; see `compile`."""
        if query.name in above:
            circle = " -> ".join((*above, query.name))
            raise Unprocessable(issue("export.query-cycle", expression="Library.relatedArtifact", circle=circle))
        count[0] += len(query.tables)
        if count[0] > MAX_TABLES:
            raise Unprocessable(issue("export.query-deep", expression="Library.relatedArtifact", limit=MAX_TABLES))
        missing: list[Issue] = []
        for index, url in enumerate(query.tables.values()):
            found = self._at(url)
            if isinstance(found, Query):
                self._check(found, (*above, query.name), count)
            elif found is None:
                place = f"Library.relatedArtifact[{index}].resource"
                missing.append(issue("export.query-view", expression=place, url=url))
        if missing:
            raise Unprocessable(*missing)

    def _at(self, url: str) -> CompiledView | Query | None:
        """The view, or the query that others may read, at a canonical address."""
        views = (view for view in self.views.values() if view.view.url == url)
        queries = (query for query in self.queries.values() if query.reusable and query.url == url)
        return next(views, None) or next(queries, None)

    def _made(self, query: Query, known: dict[str, CompiledQuery]) -> CompiledQuery:
        """The query that was checked, each below it made once."""
        tables: dict[str, Source] = {}
        for label, url in query.tables.items():
            found = self._at(url)
            if isinstance(found, Query):
                if found.name not in known:
                    known[found.name] = self._made(found, known)
                tables[label] = known[found.name]
            else:
                assert found is not None
                tables[label] = found
        return compile_query(query, tables)


def study_tables(study: str, roots: Iterable[Traversable]) -> Shelf:
    """The study's views and queries; later roots of `profiles` replace files of earlier ones.

    A query is a Library in JSON, or annotated SQL. Raises `Unprocessable` with the faults of every file, each
    beginning with its name, and for a name that two have (`export.query-name`).
    """
    places = list(roots)
    views = study_views(study, places)
    files: dict[str, Traversable] = {}
    for root in places:
        folder = root.joinpath("studies", study, "queries")
        if folder.is_dir():
            files |= {entry.name: entry for entry in folder.iterdir() if entry.name.endswith((".json", ".sql"))}
    queries: dict[str, Query] = {}
    faults: list[Issue] = []
    for name in sorted(files):
        try:
            query = load_query(files[name])
        except FhirError as error:
            faults += error.issues
            continue
        if query.name in views or query.name in queries:
            faults.append(issue("export.query-name", source=name, name=query.name))
        queries[query.name] = query
    if faults:
        raise Unprocessable(*faults)
    return Shelf(views, dict(sorted(queries.items())))


def load_query(file: Traversable) -> Query:
    """The query in a file; it takes the file's name where it has none. Raises `Unprocessable`, naming the file."""
    try:
        name = file.name.rpartition(".")[0].replace("-", "_")
        if file.name.endswith(".sql"):
            return read_query(library_of_sql(_text(file), name))
        tree = loads(file.read_bytes())
        if isinstance(tree, dict):
            tree.setdefault("name", name)
        return read_query(tree)
    except FhirError as error:
        raise Unprocessable(
            issue("export.query-file", source=file.name, count=len(error.issues)), *error.issues
        ) from None


def _text(file: Traversable) -> str:
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError:
        raise Unprocessable(
            issue("export.query-element", expression="Library.content", expected="SQL in UTF-8")
        ) from None
