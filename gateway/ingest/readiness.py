"""Whether the product can run a study: its mappings and profiles are installed, its expressions compile."""

from collections.abc import Collection, Iterator

from gateway.core.issues import Issue, issue
from gateway.definitions import Definitions
from gateway.fhirpath import FhirPathError, compile
from gateway.ingest.business import VARIABLES
from gateway.mapping import MappingRegistry
from gateway.study import Study


def readiness(study: Study, registry: MappingRegistry, definitions: Definitions) -> list[Issue]:
    """Everything that a study names and the product does not have."""
    return [
        *unknown_mappings(study, registry),
        *_profiles(study, definitions),
        *_questionnaires(study, definitions),
        *_domains(study),
        *_rules(study),
    ]


def unknown_mappings(study: Study, registry: MappingRegistry) -> Iterator[Issue]:
    """An issue for each mapping that a source names and that is not installed."""
    installed = {mapping.id for mapping in registry.all()}
    for source in study.sources.values():
        for name in source.mappings:
            if name not in installed:
                yield issue("study.unknown-mapping", source=f"study.yaml: sources.{source.key}", name=source.key)


def _profiles(study: Study, definitions: Definitions) -> Iterator[Issue]:
    for kind, rules in study.profiles.items():
        for rule in rules:
            where = f"study.yaml: profiles.{kind}"
            if definitions.structure(rule.url) is None:
                yield issue("study.unknown-profile", source=where, url=rule.url)
            yield from _expression(rule.where, kind, where)


def _questionnaires(study: Study, definitions: Definitions) -> Iterator[Issue]:
    for url in study.questionnaires:
        if definitions.canonical(url) is None:
            yield issue("study.unknown-questionnaire", source="study.yaml: questionnaires", url=url)


def _domains(study: Study) -> Iterator[Issue]:
    for name, rules in study.domains.items():
        for rule in rules:
            yield from _expression(rule.where, rule.type, f"study.yaml: domains.{name}")


def _rules(study: Study) -> Iterator[Issue]:
    for rule in study.validation.rules:
        for text in (rule.where, rule.expression):
            yield from _expression(text, rule.type, f"study.yaml: validation.rules.{rule.id}", VARIABLES)


def _expression(text: str, base: str, where: str, variables: Collection[str] | None = None) -> Iterator[Issue]:
    if not text:
        return
    try:
        compile(text, base=base, variables=variables)
    except FhirPathError as error:
        yield issue("study.expression", source=where, problem=str(error))
