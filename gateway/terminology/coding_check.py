"""One Coding against its code system and a value set: what it is, whether it is in, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.core import Resource
from gateway.core.errors import NotFound
from gateway.core.issues import Issue, issue
from gateway.terminology.contains import BASE
from gateway.terminology.content import Content, canonical_of, dicts, extension_value
from gateway.terminology.display import check_display
from gateway.terminology.expansion import active_only
from gateway.terminology.grammar import GRAMMARS
from gateway.terminology.languages import Languages
from gateway.terminology.membership import Member, Membership


@dataclass(frozen=True, slots=True)
class Options:
    """How strictly a Coding is judged; see the parameters of $validate-code."""

    languages: Languages
    infer_system: bool
    abstract: bool | None
    active_only: bool
    lenient_display: bool
    membership_only: bool
    in_concept: bool


@dataclass(slots=True)
class CodingCheck:
    """The judgement of one Coding. `is_in` is True when it is in the value set (in its system, without one)."""

    code: str
    system: str
    root: str
    options: Options
    issues: list[Issue] = field(default_factory=list)
    is_in: bool = False
    version: str = ""
    display: str = ""
    inactive: bool = False
    status: str = ""
    unknown_system: str = ""
    unknown_parameter: str = "x-unknown-system"
    listed: str = ""

    @classmethod
    def of(
        cls,
        membership: Membership,
        value_set: Resource | None,
        coding: Mapping[str, Any],
        root: str,
        options: Options,
    ) -> "CodingCheck":
        """Judges `coding`, which is at `root` ("" for a bare code); raises as `Membership.holds` does."""
        check = cls(str(coding.get("code", "")), str(coding.get("system", "")), root, options)
        if not check.system and not check._infer(membership, value_set):
            return check
        version = str(coding.get("version", "")) or _pinned(membership, value_set, check.system)
        content = check._content(membership, value_set, version)
        if content is not None:
            check._judge_code(content)
        if value_set is not None:
            check._judge_membership(membership, value_set, content, coding)
        if content is not None and content.node(check.code) is not None and not options.membership_only:
            check._judge_use(content, value_set, coding)
        return check

    def parameters(self) -> list[Resource]:
        """The entries of the answer about the code itself."""
        given: list[tuple[str, str, Any]] = [
            ("code", "valueCode", self.code),
            ("system", "valueUri", self.system),
            ("version", "valueString", self.version),
            ("display", "valueString", self.display),
            ("status", "valueCode", self.status),
            ("inactive", "valueBoolean", self.inactive),
        ]
        return [{"name": name, kind: value} for name, kind, value in given if value]

    def at(self, name: str) -> str:
        """The FHIRPath of an element of the Coding."""
        return f"{self.root}.{name}" if self.root else name

    @property
    def named(self) -> str:
        """`system#code`."""
        return f"{self.system}#{self.code}"

    def _infer(self, membership: Membership, value_set: Resource | None) -> bool:
        """Finds the system of a code without one; False when there is none to be found."""
        if value_set is None or not self.options.infer_system:
            self.issues.append(issue("terminology.no-system", expression=self.root))
            if value_set is not None:
                self._not_in(value_set)
            return False
        keys = [key for key in membership.members(value_set) if key[1] == self.code]
        if len(keys) == 1:
            self.system = keys[0][0]
            return True
        self._not_in(value_set)
        names = {"code": self.code, "value_set": canonical_of(value_set)}
        if keys:
            systems = ", ".join(system for system, _code in keys)
            self.issues.append(
                issue("terminology.several-systems", expression=self.at("code"), systems=systems, **names)
            )
        else:
            self.issues.append(issue("terminology.cannot-infer", expression=self.at("code"), **names))
        return False

    def _content(self, membership: Membership, value_set: Resource | None, version: str) -> Content | None:
        """The content of the system; None, with the reason noted, when it is not here or no code system."""
        content = membership.content(self.system, version)
        if content is not None:
            self.version = content.version
            return content
        where = self.at("system")
        resource = membership.catalog.code_system(self.system)
        if resource is not None and resource.get("content") == "supplement":
            name = canonical_of(resource)
            self.issues.append(issue("terminology.system-is-supplement", expression=where, system=name))
            self.unknown_system, self.unknown_parameter = self.system, "x-caused-by-unknown-system"
        elif version and membership.content(self.system) is not None:
            known = membership.content(self.system)
            names = {"system": self.system, "version": version, "known": known.version if known else ""}
            self.issues.append(issue("terminology.unknown-system-version", expression=where, **names))
            self.unknown_system = f"{self.system}|{version}"
        elif self.system in GRAMMARS:
            self._judge_grammar()
        elif membership.catalog.value_set(self.system) is not None:
            self.issues.append(issue("terminology.system-is-value-set", expression=where, system=self.system))
        else:
            if ":" not in self.system:
                self.issues.append(issue("terminology.relative-system", expression=where))
            if not self.options.membership_only:
                self.issues.append(issue("terminology.unknown-system", expression=where, system=self.system))
                self.unknown_system = self.system
        return None

    def _judge_grammar(self) -> None:
        if GRAMMARS[self.system](self.code):
            self.is_in = True
            self.display = self.code
        else:
            self.issues.append(self._unknown_code("terminology.unknown-code", ""))

    def _judge_code(self, content: Content) -> None:
        if content.node(self.code) is not None:
            self.is_in = True
            shown = content.display(self.code, self.options.languages) or content.display(self.code)
            self.display = shown.value if shown is not None else ""
            self.inactive = content.is_inactive(self.code)
            self.status = content.status(self.code)
        elif not content.compiled.complete:
            self.is_in = True
            self.issues.append(self._unknown_code("terminology.unknown-code-in-fragment", content.version))
        elif not self.options.membership_only:
            self.issues.append(self._unknown_code("terminology.unknown-code", content.version))

    def _unknown_code(self, rule: str, version: str) -> Issue:
        text = f" version '{version}'" if version else ""
        return issue(rule, expression=self.at("code"), code=self.code, system=self.system, version=text)

    def _judge_membership(
        self, membership: Membership, value_set: Resource, content: Content | None, coding: Mapping[str, Any]
    ) -> None:
        try:
            member = membership.holds(value_set, self.system, self.code)
        except NotFound:
            if not self.unknown_system or self.system not in membership.unknown_systems:
                raise
            # The value set takes all of this system, which is not here: whether it holds the code is open.
            self.unknown_parameter = "x-caused-by-unknown-system"
            return
        known = content is not None and content.node(self.code) is not None
        if member is not None and known and content is not None:
            member = self._restrictions(value_set, content, member)
        self.is_in = member is not None
        self.listed = str(member.listed.get("display", "")) if member is not None else ""
        if member is None:
            self._not_in(value_set, str(coding.get("display", "")))
        elif extension_value(member.listed, BASE + "valueset-deprecated") is True:
            names = {"code": self.code, "system": self.system, "value_set": canonical_of(value_set)}
            self.issues.append(issue("terminology.deprecated-here", expression=self.at("code"), **names))

    def _restrictions(self, value_set: Resource, content: Content, member: Member) -> Member | None:
        """The member, or None when the request or the value set wants no such code."""
        where = self.at("code")
        if self.inactive and (self.options.active_only or active_only(value_set)):
            self.issues.append(issue("terminology.not-active", expression=where, code=self.code))
            return None
        if self.options.abstract is False and content.is_abstract(self.code):
            self.issues.append(issue("terminology.abstract-code", expression=where, coding=self.named))
            return None
        return member

    def _judge_use(self, content: Content, value_set: Resource | None, coding: Mapping[str, Any]) -> None:
        if self.inactive:
            status = f"{self.status} and inactive" if self.status not in ("", "inactive") else "inactive"
            found = issue("terminology.inactive-code", expression=self.root or "code", code=self.code, status=status)
            self.issues.append(found)
            self.status = "" if self.status == "inactive" else self.status
        elif self.status in ("deprecated", "withdrawn"):
            names = {"code": self.code, "status": self.status}
            self.issues.append(issue("terminology.deprecated-code", expression=self.root or "code", **names))
        given = coding.get("display")
        if isinstance(given, str) and given and given.casefold() != self.listed.casefold():
            found_issue = check_display(content, self.code, given, self.options.languages)
            if found_issue is not None:
                lenient = self.options.lenient_display and found_issue.severity == "error"
                severity = "warning" if lenient else found_issue.severity
                self.issues.append(replace(found_issue, expression=self.at("display"), severity=severity))

    def _not_in(self, value_set: Resource, display: str = "") -> None:
        coding = f"{self.named} ('{display}')" if display else self.named
        names = {"coding": coding, "value_set": canonical_of(value_set) or "(unidentified)"}
        rule = "terminology.this-not-in-vs" if self.options.in_concept else "terminology.not-in-vs"
        self.issues.append(issue(rule, expression=self.at("code"), **names))


def _pinned(membership: Membership, value_set: Resource | None, system: str) -> str:
    """The one version of a system that a value set takes its codes from; "" when it takes any, or several."""
    compose = value_set.get("compose") if value_set is not None else None
    entries = dicts(compose.get("include")) if isinstance(compose, dict) else []
    versions = {str(entry.get("version", "")) for entry in entries if entry.get("system") == system}
    pinned = versions.pop() if len(versions) == 1 else ""
    return pinned if pinned and membership.content(system, pinned) is not None else ""
