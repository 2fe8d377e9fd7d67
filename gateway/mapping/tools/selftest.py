"""The tests that a mapping file carries: given a payload and facts, expect resources, values and issues.

`run_tests` is what `gateway map test` and the test suite run. Validation against profiles is handed in, so that the
engine does not depend on the validator.
"""

from collections.abc import Callable, Sequence
from collections.abc import Mapping as Names
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources.abc import Traversable
from typing import Any

from gateway.core import FhirError, Issue, Resource, dumps, issue
from gateway.core.ids import sha256
from gateway.fhirpath import FhirPathError, compile
from gateway.formats import Decoded, decode, json_pointer
from gateway.mapping.facts import Facts, Mapped, Subject
from gateway.mapping.mapping import Mapping
from gateway.mapping.tables import beside
from gateway.mapping.values import plain

Validate = Callable[[Resource, Sequence[str]], Sequence[Issue]]
"""Resource and profile URLs -> issues; profiles of other types are left aside."""

_RECEIVED = datetime(2026, 1, 1, tzinfo=UTC)
_STUDY = {"id": "test-study", "zone": "UTC"}
_SITE = {"id": "1", "zone": "UTC"}
_SUBJECT = {"id": "p1", "zone": "UTC"}


@dataclass(frozen=True, slots=True)
class Tested:
    """What became of one test; `problems` is empty when it passed."""

    name: str
    problems: tuple[str, ...]

    @property
    def issues(self) -> tuple[Issue, ...]:
        """The problems as issues."""
        return tuple(issue("mapping.test-failed", test=self.name, problem=problem) for problem in self.problems)


def run_tests(mapping: Mapping, folder: Traversable, validate: Validate | None = None) -> tuple[Tested, ...]:
    """Runs the tests of a mapping file; `given_file` is beside it in `folder`."""
    return tuple(Tested(test["name"], tuple(_run(mapping, folder, test, validate))) for test in mapping.tests)


def facts_of(context: Names[str, Any], digest: str = "") -> Facts:
    """The facts that a test's `context` states, with defaults for what it leaves out."""
    site = {**_SITE, **context.get("site", {})}
    person = context.get("subject", {})
    subject = None
    if person is not None:
        known = {**_SUBJECT, **person}
        site = {**site, **known.get("site", {})}
        subject = Subject(known["id"], known["zone"], site, known.get("birthDate"), known.get("subjectId"))
    return Facts(
        study={**_STUDY, **context.get("study", {})},
        envelope=context.get("envelope", {}),
        received=_RECEIVED,
        sha256=digest,
        resolve=lambda _system, _value: subject,
    )


def _run(mapping: Mapping, folder: Traversable, test: Names[str, Any], validate: Validate | None) -> list[str]:
    expect = test["expect"]
    try:
        decoded, digest = _given(mapping, folder, test)
    except FhirError as error:
        return _compare_issues(expect.get("issues", ()), error.issues)
    except OSError:
        return ["the given file cannot be read"]
    facts = facts_of(test.get("context", {}), digest)
    if not mapping.takes(decoded.tree):
        return _compare_issues(expect.get("issues", ()), [issue("mapping.no-match", tried=mapping.id)])
    mapped = mapping.map(decoded, facts)
    problems = _compare_issues(expect.get("issues", ()), issues_of(mapped))
    problems += _compare_resources(expect, mapped)
    problems += _compare_walks(mapping, decoded, facts, mapped)
    if expect.get("idempotent") and mapping.map(decoded, facts).resources != mapped.resources:
        problems.append("a second run makes other resources")
    if validate is not None:
        profiles = expect.get("valid", ())
        problems += [problem for resource in mapped.resources for problem in _invalid(resource, profiles, validate)]
    return problems


def issues_of(mapped: Mapped) -> tuple[Issue, ...]:
    """The issues of the payload and of its units."""
    return (*mapped.issues, *(found for unit in mapped.units for found in unit.issues))


def _given(mapping: Mapping, folder: Traversable, test: Names[str, Any]) -> tuple[Decoded, str]:
    if "given_file" in test:
        data = beside(folder, test["given_file"]).read_bytes()
    elif isinstance(test.get("given"), str):
        data = test["given"].encode()
    else:
        return Decoded(test.get("given"), json_pointer), ""
    return decode(data, mapping.format, mapping.source.options), sha256(data)


def _compare_issues(expected: Sequence[Names[str, str]], found: Sequence[Issue]) -> list[str]:
    left = list(found)
    problems = []
    for entry in expected:
        hit = next((each for each in left if _is_issue(entry, each)), None)
        if hit is None:
            problems.append(f"no issue {entry['code']}" + (f" at {entry['at']}" if "at" in entry else ""))
        else:
            left.remove(hit)
    return problems + [f"unexpected {each.rule} at {_place(each)}: {each.message}" for each in left]


def _place(found: Issue) -> str:
    """Where a finding is, in the payload and in the mapping file."""
    return f"{found.source} by {found.mapping}" if found.source and found.mapping else found.source or found.mapping


def _is_issue(entry: Names[str, str], found: Issue) -> bool:
    code = entry["code"]
    named = found.rule == code or found.rule.partition(".")[2] == code or found.message.startswith(f"{code}: ")
    same = (entry.get("at", found.source), entry.get("severity", found.severity)) == (found.source, found.severity)
    return named and same


def _compare_resources(expect: Names[str, Any], mapped: Mapped) -> list[str]:
    by_type: dict[str, list[Resource]] = {}
    for resource in mapped.resources:
        by_type.setdefault(resource["resourceType"], []).append(resource)
    problems = []
    for kind, wanted in expect.get("resources", {}).items():
        if len(by_type.get(kind, ())) != wanted:
            problems.append(f"{len(by_type.get(kind, ()))} {kind} instead of {wanted}")
    for kind, subsets in expect.get("match", {}).items():
        for subset in subsets if isinstance(subsets, list) else [subsets]:
            if not any(holds(subset, resource) for resource in by_type.get(kind, ())):
                problems += [f"no {kind} matches {dumps(subset).decode()}"]
    for text in expect.get("where", ()):
        problems += _where(text[1:], by_type)
    return problems


def _where(text: str, focus: dict[str, list[Resource]]) -> list[str]:
    try:
        values = compile(text, model=None).evaluate(plain(focus))
    except FhirPathError as error:
        return [f"{text}: {error.message}"]
    return [] if values == [True] else [f"not true: {text}"]


def holds(subset: Any, tree: Any) -> bool:
    """True when every name and value of `subset` is in `tree`; lists agree item by item, numbers by their text."""
    if isinstance(subset, dict):
        return isinstance(tree, dict) and all(
            key in tree and holds(value, tree[key]) for key, value in subset.items()
        )
    if isinstance(subset, list):
        return (
            isinstance(tree, list)
            and len(subset) == len(tree)
            and all(holds(one, other) for one, other in zip(subset, tree, strict=True))
        )
    if isinstance(subset, bool) or isinstance(tree, bool) or isinstance(subset, str):
        return subset is tree or (isinstance(subset, str) and subset == tree)
    return not isinstance(tree, dict | list) and str(subset) == str(tree)


def _compare_walks(mapping: Mapping, decoded: Decoded, facts: Facts, mapped: Mapped) -> list[str]:
    """The explaining walk and the fast functions must agree on every payload."""
    explained = mapping.map(decoded, facts, trace=True)
    if (explained.units, explained.issues) != (mapped.units, mapped.issues):
        return ["the explaining walk and the fast functions disagree; this is a bug of the engine"]
    return []


def _invalid(resource: Resource, profiles: Sequence[str], validate: Validate) -> list[str]:
    kind, found = resource["resourceType"], validate(resource, profiles)
    return [f"invalid {kind}: {each.rule} at {each.expression}: {each.message}" for each in found if each.blocks]
