"""Whether a resource may be written: by the study's rules for types that it collects, by R4 alone for others."""

from collections.abc import Mapping

from gateway.core.codec import loads
from gateway.core.errors import BadRequest, Unprocessable
from gateway.core.issues import Issue, any_blocks, issue
from gateway.core.types import Resource
from gateway.ingest.admission import Admission
from gateway.rest.parts import Parts
from gateway.study import Study

SUBSETTED = "SUBSETTED"


class Judge:
    """The judges of every study, compiled once."""

    def __init__(self, parts: Parts) -> None:
        self._admissions: Mapping[str, Admission] = {
            study.id: Admission(study, parts.validator) for study in parts.studies.values()
        }

    def require(self, study: Study, resource: Resource) -> list[Issue]:
        """The warnings; raises `Unprocessable` with every issue when one of them blocks."""
        admission = self._admissions[study.id]
        taken = resource["resourceType"] in study.profiles
        issues = admission.check(resource) if taken else admission.judge(resource)
        if is_subsetted(resource):
            issues = [*issues, issue("rest.subsetted", expression=f"{resource['resourceType']}.meta.tag")]
        if any_blocks(issues):
            raise Unprocessable(*issues)
        return issues


def is_subsetted(resource: Resource) -> bool:
    """Whether a tag says that this is a part of the resource only."""
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    return isinstance(tags, list) and any(isinstance(tag, dict) and tag.get("code") == SUBSETTED for tag in tags)


def resource_of(body: bytes, type_name: str) -> Resource:
    """The resource in a body, of this type; raises `BadRequest`."""
    tree = loads(body)
    if not isinstance(tree, dict) or not isinstance(tree.get("resourceType"), str):
        raise BadRequest(issue("rest.not-a-resource"))
    if tree["resourceType"] != type_name:
        raise BadRequest(issue("rest.type-differs", expression="resourceType"))
    return tree
