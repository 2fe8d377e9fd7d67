"""The validator: a resource against R4, its stated profiles and the asked ones."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from gateway.conformance.base.sure import SureTypes
from gateway.conformance.base.types import BaseTypes, primitive_check
from gateway.conformance.bundle_index import BundleIndex
from gateway.conformance.invariants.invariant import BEST_PRACTICE, OF_CONTAINED, Invariants
from gateway.conformance.profile.compiled import ProfileCompiler
from gateway.conformance.profile.membership import Membership
from gateway.conformance.profile.vital_signs import implied_profiles
from gateway.conformance.resources.bundle import check_bundle
from gateway.conformance.resources.expressions import check_code_system, check_questionnaire, check_search_parameter
from gateway.conformance.resources.questionnaire import Questionnaires
from gateway.conformance.resources.structure_definition import StructureDefinitions
from gateway.conformance.run import Check, Location, Run, Scope, path_of
from gateway.conformance.values.extension import Extensions, Policy
from gateway.conformance.values.primitive import FORMATS
from gateway.conformance.values.reference import check_contained
from gateway.core import Issue, Resource, issue
from gateway.definitions import Definitions
from gateway.fhirpath import Env
from gateway.terminology import Terminology

MAX_CANONICAL = 256

_CANONICAL = re.compile(r"[a-z][a-z0-9+.-]*:[\w./:#%~-]+(\|[\w.+-]+)?\Z", re.ASCII)


class Validator:
    """Judges resources; types and profiles are compiled at first use and kept.

    Pure and deterministic: the same tree has the same findings in the same order. Any JSON tree may be given; faults
    are findings, never exceptions. May be called from several threads. `extensions` says whether unknown extensions
    are taken (`any`, with an information) or refused (`known`), those under `allowed` URL prefixes apart. `strict`
    names rules whose warnings count as errors, such as `conformance.display`. Without `contained` nothing is said of
    contained resources.
    """

    def __init__(
        self,
        definitions: Definitions,
        terminology: Terminology,
        *,
        extensions: Policy = "any",
        allowed: tuple[str, ...] = (),
        strict: Iterable[str] = (),
        contained: bool = True,
    ) -> None:
        self._definitions = definitions
        self._strict = frozenset(strict)
        self._contained = contained
        self._invariants = Invariants(terminology, BEST_PRACTICE if contained else BEST_PRACTICE | OF_CONTAINED)
        self._extensions = Extensions(definitions, self._profile_check, extensions, allowed)
        self._base = BaseTypes(
            definitions,
            terminology,
            self._invariants,
            nested=self._nested,
            extension=self._extensions.check,
            profile=self._profile_check,
            surely=SureTypes(definitions, terminology, self._invariants).fields,
        )
        self._profiles = ProfileCompiler(definitions, terminology, self._invariants, self._profile_check)
        self._questionnaires = Questionnaires(definitions.canonical, terminology)
        self._invariants.conforms = self._conforms
        self._invariants.in_slice = Membership(definitions, self._profiles).holds
        self._special: Mapping[str, Check] = {
            "CodeSystem": check_code_system,
            "Questionnaire": check_questionnaire,
            "QuestionnaireResponse": self._questionnaires.check,
            "SearchParameter": check_search_parameter,
            "StructureDefinition": StructureDefinitions(definitions).check,
        }
        self._compiled: dict[tuple[str, str], Check] = {}

    @property
    def uncompiled(self) -> dict[str, str]:
        """Key -> reason of each invariant met so far that could not be compiled; each use of one is a finding too."""
        return dict(self._invariants.uncompiled)

    def validate(self, resource: Any, profiles: Sequence[str] = (), *, now: datetime | None = None) -> list[Issue]:
        """All findings on a resource against R4, its `meta.profile` and `profiles`, in the order of the tree.

        A profile that is not known is a finding: an error when asked for, a warning in `meta.profile`.
        Bounds relative to the moment are judged by `now`; without it they leave an information.
        """
        if not isinstance(resource, dict):
            return [issue("conformance.not-a-resource")]
        run = Run(Scope(resource, resource), now=now)
        name = resource.get("resourceType")
        at: Location = (None, name if isinstance(name, str) and name in self._definitions.types() else "Resource", -1)
        try:
            self._resource(resource, at, run, profiles)
        except RecursionError:
            return [issue("conformance.too-deep", expression=at[1])]
        finally:
            run.scope.env = None  # it knows the run: a circle would keep the resource until the collector finds it
        found = _distinct(run.issues)
        return [_error(one) if one.rule in self._strict else one for one in found] if self._strict else found

    def environment(self, resource: Resource, *, now: datetime | None = None) -> Env:
        """What FHIRPath on a resource may ask: contained resources, Bundle entries, codes, profiles and slices.

        Keep it no longer than the resource stays as it is. Codes and profiles that nobody knows make the evaluation
        raise; a reference that leads out of the resource finds nothing.
        """
        index = BundleIndex(resource) if resource.get("resourceType") == "Bundle" else None
        return replace(self._invariants.env(Run(Scope(resource, resource, index), now=now)), now=now)

    def _resource(self, resource: Any, at: Location, run: Run, profiles: Sequence[str] = ()) -> None:
        name = resource.get("resourceType")
        if not isinstance(name, str) or name not in self._definitions.types():
            run.report("conformance.unknown-type", at)
            return
        if name == "Bundle":
            index = BundleIndex(resource)
            run.scope = Scope(resource, run.scope.root, index)
            check_bundle(resource, index, self._definitions.types(), at, run)
        self._base.check(name)(resource, at, run)
        if "contained" in resource and self._contained:
            check_contained(resource, at, run)
        special = self._special.get(name)
        if special is not None:
            special(resource, at, run)
        for profile in profiles:
            self._against(profile, "conformance.profile-unknown", name, resource, at, run)
        others = [*_stated(resource), *(implied_profiles(resource) if name == "Observation" else ())]
        for profile in dict.fromkeys(others):
            if profile not in profiles:
                self._against(profile, "conformance.meta-profile-unknown", name, resource, at, run)

    def _against(self, profile: str, unknown: str, name: str, value: Any, at: Location, run: Run) -> None:
        check = self._compile(profile, name)
        if check is not None:
            check(value, at, run)
        elif self._definitions.structure(profile) is None:
            run.issues.append(_unknown(unknown, path_of(at), profile))
        else:
            run.report("conformance.profile-type", at, profile=_shown(profile), type=name)

    def _compile(self, profile: str, name: str) -> Check | None:
        """The check of a type's objects against a profile; None when it is unknown or of another type."""
        key = (profile, name)
        known = self._compiled.get(key)
        if known is None:
            structure = self._definitions.structure(profile)
            if structure is None or not self._definitions.is_subtype(name, structure.type):
                return None
            known = self._compiled[key] = self._profiles.compile(profile, name)
        return known

    def _profile_check(self, url: str) -> Check:
        """The check of a value against a profile of its type, looked up when the first value comes."""

        def check(value: Any, at: Location, run: Run) -> None:
            structure = self._definitions.structure(url)
            if structure is None:
                # A definition demands this profile: without it nobody can say that the value is right.
                run.report("conformance.profile-unknown", at, profile=url)
                return
            actual = value.get("resourceType") if isinstance(value, dict) else None
            name = actual if isinstance(actual, str) and self._definitions.is_resource(actual) else structure.type
            self._against(url, "conformance.meta-profile-unknown", name, value, at, run)

        return check

    def _conforms(self, value: Any, profile: str, run: Run) -> bool | None:
        """Whether a value conforms to a profile and its base type; None when the profile is unknown."""
        structure = self._definitions.structure(profile)
        if structure is None:
            return None
        actual = value.get("resourceType") if isinstance(value, dict) else None
        name = actual if isinstance(actual, str) else structure.type
        check = self._compile(profile, name)
        if check is None:
            return False
        key = (id(value), profile)
        if key in run.conforming:
            return run.conforming[key]
        run.conforming[key] = True  # where profiles ask for each other, the circle holds
        attempt = run.trial_of(value) if name == actual and value is not run.scope.resource else run.trial()
        at: Location = (None, structure.type, -1)
        whole = primitive_check(name) if name in FORMATS else self._base.check(name)
        whole(value, at, attempt)
        check(value, at, attempt)
        verdict = run.conforming[key] = not attempt.has_errors
        if name != actual:
            # An element may be made for the question and gone thereafter, and another then have its identity.
            del run.conforming[key]
        return verdict

    def _nested(self, path: str) -> Check:
        contained = path.endswith(".contained")
        judged = self._contained or not contained

        def check(value: Any, at: Location, run: Run) -> None:
            if not judged:
                return
            if not isinstance(value, dict):
                run.report("conformance.not-an-object", at)
                return
            outer = run.scope
            index = outer.bundle
            full_url = index.full_url_of(value) if index is not None and not contained else outer.full_url
            run.scope = Scope(value, outer.root if contained else value, index, full_url)
            self._resource(value, at, run)
            run.scope = outer

        return check


def _stated(resource: dict[str, Any]) -> Iterable[str]:
    meta = resource.get("meta")
    profiles = meta.get("profile") if isinstance(meta, dict) else None
    return [profile for profile in profiles if isinstance(profile, str)] if isinstance(profiles, list) else []


@lru_cache(maxsize=1024)
def _unknown(rule: str, place: str, profile: str) -> Issue:
    """The finding of a profile that is not known: of one guide thousands of resources name the same."""
    return issue(rule, expression=place, profile=_shown(profile))


def _shown(profile: str) -> str:
    """A canonical as messages may tell it: data name profiles, and what is no canonical could be anything."""
    return profile if len(profile) <= MAX_CANONICAL and _CANONICAL.match(profile) else "(what is no canonical URL)"


def _error(found: Issue) -> Issue:
    return replace(found, severity="error") if found.severity == "warning" else found


def _distinct(issues: list[Issue]) -> list[Issue]:
    """Without repetitions: base and profiles may say the same of the same element."""
    return list(dict.fromkeys(issues)) if len(issues) > 1 else issues
