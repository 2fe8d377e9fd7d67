"""Codes, units and identifiers by themselves, whatever they are bound to: systems, codes and displays exist.

See https://hl7.org/fhir/R4/datatypes.html#Coding, #Quantity and #Identifier.
"""

import re
from typing import Any

from gateway.conformance.invariants.shapes import Sure, passes
from gateway.conformance.run import Check, Location, Run
from gateway.definitions import Definitions
from gateway.terminology import Terminology
from gateway.terminology.port import SystemCheck

KNOWN_LIMIT = 4096
"""How many good codes, and names of systems, are remembered."""

IS_URI = "urn:ietf:rfc:3986"
ENGLISH = "en"

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def check_identifier(value: Any, at: Location, run: Run) -> None:
    """Reports a relative system, and a value that is said to be a URI and is none."""
    if not isinstance(value, dict):
        return
    system, text = value.get("system"), value.get("value")
    if isinstance(system, str) and not _SCHEME.match(system):
        run.report("conformance.system-relative", (at, "system", -1))
    elif system == IS_URI and isinstance(text, str) and not _SCHEME.match(text):
        run.report("conformance.identifier-uri", (at, "value", -1))


class CodeChecks:
    """Checks of Coding and Quantity against the code systems that are here; good ones are remembered."""

    def __init__(self, definitions: Definitions, terminology: Terminology) -> None:
        self._definitions = definitions
        self._terminology = terminology
        self._good: set[tuple[str, str]] = set()
        self._systems: set[str] = set()
        self._misnamed: set[tuple[str, str, str]] = set()

    def of(self, type_name: str) -> tuple[Check, ...]:
        """The checks of the values of a type."""
        if type_name == "Coding":
            return (self._coding,)
        return (self._quantity,) if self._definitions.is_subtype(type_name, "Quantity") else ()

    def tests(self, type_name: str) -> tuple[Sure, ...]:
        """The same checks as tests of what is surely good, whatever is around it."""
        return tuple(self._test(check) for check in self.of(type_name))

    def _test(self, check: Check) -> Sure:
        known: set[tuple[str, str | None, str | None]] = set()

        def test(value: Any) -> bool:
            system, code, display = value.get("system"), value.get("code"), value.get("display")
            if system is None or (system, code, display) in known:
                return True
            good = passes(check, value)
            if good and "version" not in value:
                _keep(known, (system, code, display))
            return good

        return test

    def _coding(self, value: Any, at: Location, run: Run) -> None:
        system, code = _parts(value)
        if system is None or ("display" not in value and (system, code) in self._good):
            return
        if system not in self._systems and not self._is_system(system, at, run):
            return
        if code is None:
            return
        display = value.get("display")
        if self._is_misnamed(value, system, code):
            _report_display(at, run)
            return
        found = self._terminology.check_code(system, code)
        other_version = "version" in value and value["version"] != found.version
        if found.result is False and not other_version:
            run.report("conformance.code-unknown", (at, "code", -1))
            return
        if found.result:
            _keep(self._good, (system, code))
        if isinstance(display, str) and found.names and not other_version:
            self._display(value, (system, code, display), found, at, run)

    def _display(self, value: Any, told: tuple[str, str, str], found: SystemCheck, at: Location, run: Run) -> None:
        wanted = _folded(told[2])
        if any(_folded(name) == wanted for name in found.names):
            return
        if found.result and "version" not in value:
            _keep(self._misnamed, told)
        _report_display(at, run)

    def _is_misnamed(self, value: Any, system: str, code: str) -> bool:
        """Whether the display was found to be none of the code's names."""
        display = value.get("display")
        return "version" not in value and isinstance(display, str) and (system, code, display) in self._misnamed

    def _quantity(self, value: Any, at: Location, run: Run) -> None:
        system, code = _parts(value)
        if system is None or code is None or (system, code) in self._good:
            return
        known = self._terminology.check_code(system, code).result
        if known:
            _keep(self._good, (system, code))
        elif known is False:
            run.report("conformance.code-unknown", (at, "code", -1))

    def _is_system(self, system: str, at: Location, run: Run) -> bool:
        """Whether a URL can be that of a code system; reports where it cannot."""
        if not _SCHEME.match(system):
            run.report("conformance.system-relative", (at, "system", -1))
            return False
        if self._definitions.code_system(system) is None and self._definitions.value_set(system) is not None:
            run.report("conformance.system-is-value-set", (at, "system", -1))
            return False
        _keep(self._systems, system)
        return True


def _parts(value: Any) -> tuple[str | None, str | None]:
    system, code = (value.get("system"), value.get("code")) if isinstance(value, dict) else (None, None)
    return (system if isinstance(system, str) else None), (code if isinstance(code, str) else None)


def _keep(known: set[Any], entry: Any) -> None:
    if len(known) < KNOWN_LIMIT:
        known.add(entry)


def _report_display(at: Location, run: Run) -> None:
    if _is_english(run):
        run.report("conformance.display", (at, "display", -1))


def _is_english(run: Run) -> bool:
    """Names are known in English, mostly; a resource in another language may use those of its own."""
    language = run.scope.resource.get("language")
    return not isinstance(language, str) or language.partition("-")[0].lower() == ENGLISH


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
