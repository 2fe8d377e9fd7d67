"""The terminology of one request: what is at hand, overlaid by the resources that came with the request."""

from collections.abc import Iterable, Iterator, Sequence

from gateway.core import Resource
from gateway.core.errors import NotFound, Unprocessable
from gateway.core.issues import issue
from gateway.core.versions import newest
from gateway.terminology.content import Content
from gateway.terminology.port import Canonicals

MALFORMED = (KeyError, TypeError, ValueError, AttributeError)


class Catalog:
    """CodeSystems, ValueSets and ConceptMaps by canonical URL; for one request, in one thread."""

    def __init__(self, canonicals: Canonicals, extra: Iterable[Resource] = ()) -> None:
        self._canonicals = canonicals
        self._extra = tuple(extra)
        self._contents: dict[tuple[str, tuple[str, ...]], Content | None] = {}

    def value_set(self, url: str) -> Resource | None:
        """The ValueSet with this canonical URL, `|version` respected; None when unknown."""
        return self._own("ValueSet", url) or self._canonicals.value_set(url)

    def code_system(self, url: str) -> Resource | None:
        """The CodeSystem with this canonical URL; None when unknown."""
        return self._own("CodeSystem", url) or self._canonicals.code_system(url)

    def concept_map(self, url: str) -> Resource | None:
        """The ConceptMap with this canonical URL; None when unknown."""
        return self._own("ConceptMap", url) or self._canonicals.concept_map(url)

    def concept_maps(self) -> Iterator[Resource]:
        """Every ConceptMap."""
        yield from (found for found in self._extra if found.get("resourceType") == "ConceptMap")
        yield from self._canonicals.all("ConceptMap")

    def content(self, url: str, supplements: Sequence[str] = ()) -> Content | None:
        """The concepts of a code system whose content is here, with those of `supplements` that supplement it.

        None when there is no such code system or only its name is known.
        """
        key = (url, tuple(supplements))
        if key not in self._contents:
            self._contents[key] = self._content(url, supplements)
        return self._contents[key]

    def supplement(self, url: str) -> Resource:
        """The supplement with this canonical URL; raises `Unprocessable` when it is not here."""
        found = self.code_system(url)
        if found is None or found.get("content") != "supplement":
            raise Unprocessable(issue("terminology.supplement-unknown", supplement=url))
        return found

    def required_value_set(self, url: str) -> Resource:
        """The ValueSet with this canonical URL; raises `NotFound`."""
        found = self.value_set(url)
        if found is None:
            raise NotFound(issue("terminology.unknown-value-set", value_set=url))
        return found

    def _content(self, url: str, supplements: Sequence[str]) -> Content | None:
        resource = self.code_system(url)
        if resource is None or resource.get("content") in ("supplement", "not-present"):
            return None
        found = [self.supplement(name) for name in supplements]
        of_this = [extra for extra in found if _plain(extra.get("supplements")) == resource.get("url")]
        try:
            content = Content(resource, of_this)
        except MALFORMED:
            return None
        return content if content.compiled.codes else None

    def _own(self, kind: str, url: str) -> Resource | None:
        plain, _, version = url.partition("|")
        return newest(
            found
            for found in self._extra
            if found.get("resourceType") == kind
            and found.get("url") == plain
            and (not version or found.get("version") == version)
        )


def _plain(canonical: object) -> str:
    return str(canonical or "").partition("|")[0]
