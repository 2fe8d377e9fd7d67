"""A policy file: rules in their order, in the shape of Microsoft's anonymization configuration, as an allow list.

What no rule names is redacted, and the first rule that names a value, or what it is part of, decides. Keys are never
in the file: they belong to the study. See docs/reference/deidentification.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources.abc import Traversable
from typing import Any, Final, Literal

from gateway.core import yaml
from gateway.core.errors import Unprocessable
from gateway.core.issues import Issue, issue
from gateway.export.deidentify.methods import (
    Method,
    Partial,
    crypto_hash,
    date_shift,
    generalize,
    keep,
    perturb,
    redact,
    substitute,
)
from gateway.export.deidentify.paths import Path, PathError, read_path
from gateway.fhirpath import FhirPathError, compile

LABELS: Final = {
    "redact": "REDACTED",
    "cryptoHash": "CRYTOHASH",
    "dateShift": "PERTURBED",
    "perturb": "PERTURBED",
    "generalize": "GENERALIZED",
    "substitute": "SUBSTITUTED",
}
"""Method -> the security label that tells a reader it was used; the codes of Microsoft's tool, spelling included."""

_PARAMETERS: Final = {
    "enablePartialDatesForRedact": bool,
    "enablePartialAgesForRedact": bool,
    "enablePartialZipCodesForRedact": bool,
    "restrictedZipCodeTabulationAreas": list,
    "dateShiftScope": str,
}
_REFUSED: Final = frozenset(("dateShiftKey", "cryptoHashKey", "encryptKey"))
_FILE: Final = frozenset(("fhirVersion", "processingErrors", "fhirPathRules", "parameters", "name", "description"))


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: where, what is done there, and the method's name in the file."""

    path: Path
    name: str
    method: Method


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules in their order, the method for what none names, and what happens to a resource that cannot be read."""

    name: str
    rules: tuple[Rule, ...]
    otherwise: Method
    errors: Literal["raise", "skip"]


def load_policy(file: Traversable) -> Policy:
    """The policy in a JSON or YAML file; raises `Unprocessable` with every fault and its line."""
    try:
        document = yaml.load(file.read_text("utf-8"))
    except (yaml.YamlError, UnicodeDecodeError):
        raise Unprocessable(issue("export.policy-file", source=file.name)) from None
    reader = _Reader(file.name, document)
    policy = reader.policy(document.tree)
    if reader.faults:
        raise Unprocessable(*reader.faults)
    return policy


class _Reader:
    """Reads the file part by part and collects what is wrong."""

    def __init__(self, name: str, document: yaml.Document) -> None:
        self.faults: list[Issue] = []
        self._name = name
        self._document = document

    def fault(self, place: tuple[str | int, ...], expected: str) -> None:
        position = self._document.position(place)
        where = f"{self._name}:{position[0]}:{position[1]}" if position else self._name
        self.faults.append(issue("export.policy-element", source=where, expected=expected))

    def policy(self, tree: Any) -> Policy:
        tree = tree if isinstance(tree, dict) else {}
        for key in tree.keys() - _FILE:
            self.fault((key,), f"{', '.join(sorted(_FILE))} and nothing else")
        if tree.get("fhirVersion", "R4") != "R4":
            self.fault(("fhirVersion",), "R4")
        errors = tree.get("processingErrors", "raise")
        if errors not in ("raise", "skip"):
            self.fault(("processingErrors",), "raise or skip")
        partial = self.partial(tree.get("parameters", {}))
        rules = tree.get("fhirPathRules")
        if not isinstance(rules, list) or not rules:
            self.fault(("fhirPathRules",) if "fhirPathRules" in tree else (), "fhirPathRules, a list of rules")
            rules = []
        read = [self.rule(rule, index, partial) for index, rule in enumerate(rules)]
        name = str(tree.get("name", self._name.rpartition(".")[0]))
        return Policy(
            name, tuple(rule for rule in read if rule), redact(partial), "skip" if errors == "skip" else "raise"
        )

    def partial(self, tree: Any) -> Partial:
        tree = tree if isinstance(tree, dict) else {}
        for key, value in tree.items():
            if key in _REFUSED:
                self.fault(("parameters", key), "no keys: they are the study's, in the key folder")
            elif key not in _PARAMETERS or not isinstance(value, _PARAMETERS[key]):
                self.fault(("parameters", key), f"one of {', '.join(sorted(_PARAMETERS))}, of its type")
        if tree.get("dateShiftScope", "patient") != "patient":
            self.fault(("parameters", "dateShiftScope"), "patient: any other scope would break intervals")
        areas = tree.get("restrictedZipCodeTabulationAreas", [])
        return Partial(
            tree.get("enablePartialDatesForRedact") is True,
            tree.get("enablePartialAgesForRedact") is True,
            tree.get("enablePartialZipCodesForRedact") is True,
            frozenset(map(str, areas)) if isinstance(areas, list) else frozenset(),
        )

    def rule(self, tree: Any, index: int, partial: Partial) -> Rule | None:
        place: tuple[str | int, ...] = ("fhirPathRules", index)
        if not isinstance(tree, dict) or not isinstance(tree.get("path"), str):
            self.fault(place, "path, a text, and method")
            return None
        name = tree.get("method")
        build = _METHODS.get(name) if isinstance(name, str) else None
        if build is None:
            self.fault((*place, "method"), f"one of {', '.join(_METHODS)}")
        try:
            path = read_path(tree["path"])
            method = build(tree, partial) if build else None
        except PathError as error:
            self.fault((*place, "path"), str(error))
            return None
        except ValueError as error:
            self.fault(place, str(error))
            return None
        return Rule(path, str(name), method) if method else None


def _generalize(tree: Mapping[str, Any], _partial: Partial) -> Method:
    cases = tree.get("cases")
    others = tree.get("otherValues", "redact")
    if not isinstance(cases, dict) or not cases or others not in ("redact", "keep"):
        raise ValueError("cases (criterion: value) and otherValues (redact or keep)")
    try:
        compiled = {compile(criterion, model=None): value for criterion, value in cases.items()}
    except FhirPathError as error:
        raise ValueError(f"criteria that compile ({error.message})") from None
    return generalize(compiled, keep_others=others == "keep")


def _perturb(tree: Mapping[str, Any], _partial: Partial) -> Method:
    span, digits, kind = tree.get("span"), tree.get("roundTo", 0), tree.get("rangeType", "fixed")
    if isinstance(span, bool) or not isinstance(span, int | Decimal) or span <= 0:
        raise ValueError("span, a number above 0")
    if kind not in ("fixed", "proportional") or (kind == "proportional" and span > 2):
        raise ValueError("rangeType fixed, or proportional with a span up to 2")
    places = int(digits) if isinstance(digits, int | Decimal) and digits == int(digits) and 0 <= digits <= 28 else -1
    if places < 0:
        raise ValueError("roundTo, a number of digits from 0 to 28")
    return perturb(Decimal(span), places, proportional=kind == "proportional")


def _substitute(tree: Mapping[str, Any], _partial: Partial) -> Method:
    if "replaceWith" not in tree or isinstance(tree["replaceWith"], dict | list):
        raise ValueError("replaceWith, a primitive value")
    return substitute(tree["replaceWith"])


_METHODS: Final[Mapping[str, Callable[[Mapping[str, Any], Partial], Method]]] = {
    "keep": lambda _tree, _partial: keep,
    "redact": lambda _tree, partial: redact(partial),
    "cryptoHash": lambda _tree, _partial: crypto_hash,
    "dateShift": lambda _tree, _partial: date_shift,
    "generalize": _generalize,
    "substitute": _substitute,
    "perturb": _perturb,
}
"""Method -> what makes it of the rule's own parameters; ValueError tells what these must be."""
