"""Generated pairs of an expression and a resource, the same ones on every run."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SEED = 20260302

PATIENTS: list[dict[str, Any]] = [
    {"resourceType": "Patient", "id": "empty"},
    {
        "resourceType": "Patient",
        "id": "full",
        "active": True,
        "gender": "female",
        "birthDate": "1974-12-25",
        "deceasedBoolean": False,
        "multipleBirthInteger": 2,
        "name": [
            {"use": "official", "family": "Chalmers", "given": ["Peter", "James"]},
            {"use": "usual", "given": ["Jim"]},
            {"use": "maiden", "family": "Windsor", "given": ["Peter", "James"]},
        ],
        "identifier": [{"system": "urn:a", "value": "12345"}, {"system": "urn:b", "value": "7"}],
        "telecom": [{"system": "phone", "value": "555", "rank": 1}, {"system": "email", "value": "a@b", "rank": 2}],
        "address": [{"line": ["1 Street", "Flat 2"], "city": "Town"}],
        "contact": [{"name": {"family": "du Marche"}, "gender": "male"}],
    },
    {"resourceType": "Patient", "id": "thin", "active": False, "name": [{"family": "A"}], "birthDate": "1980-02"},
]
OBSERVATIONS: list[dict[str, Any]] = [
    {
        "resourceType": "Observation",
        "id": "weight",
        "status": "final",
        "code": {"coding": [{"system": "urn:c", "code": "w"}], "text": "Weight"},
        "effectiveDateTime": "2026-03-02T10:00:00Z",
        "valueQuantity": {"value": 72.5, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
    },
    {
        "resourceType": "Observation",
        "id": "panel",
        "status": "amended",
        "code": {"coding": [{"code": "p"}, {"code": "q"}]},
        "valueString": "high",
        "component": [
            {"code": {"coding": [{"code": "x"}]}, "valueInteger": 3},
            {"code": {"coding": [{"code": "y"}]}, "valueInteger": 4},
        ],
    },
]
PATHS = {
    "Patient": {
        "text": ["name.given", "name.family", "name.use", "identifier.value", "telecom.value", "address.line", "id",
                 "contact.name.family", "gender", "name.first().family"],
        "number": ["telecom.rank", "multipleBirth", "name.count()", "name.given.count()"],
        "truth": ["active", "deceased"],
        "any": ["name", "identifier", "contact", "telecom", "address"],
    },
    "Observation": {
        "text": ["status", "code.text", "code.coding.code", "component.code.coding.code", "id"],
        "number": ["component.value", "value.value", "component.count()", "code.coding.count()"],
        "truth": ["value.exists()", "component.exists()"],
        "any": ["code", "code.coding", "component", "value"],
    },
}  # fmt: skip
SPECIAL = [
    line.split("\t")
    for line in Path(__file__).with_name("fhirpath_special.tsv").read_text("utf-8").splitlines()
    if not line.startswith("#")
]
"""Type and template of expressions over dates, choices and quantities."""
TEXTS = ["'Peter'", "'A'", "'x'", "''", "'555'", "'final'", "'12345'"]
NUMBERS = ["0", "1", "2", "3", "-1", "2.5", "7.0"]


class Writer:
    """Writes expressions over one type."""

    def __init__(self, chance: random.Random, kind: str) -> None:
        self._chance = chance
        self._paths = PATHS[kind]
        self._special = [template for name, template in SPECIAL if name == kind]

    def _pick(self, options: list[str]) -> str:
        return self._chance.choice(options)

    def several(self, sort: str, depth: int) -> str:
        """A collection of texts, numbers or elements."""
        path = self._pick(self._paths[sort])
        if depth <= 0:
            return path
        number = self._chance.randrange(3)
        return self._pick([
            path, path, f"{path}.first()", f"{path}.last()", f"{path}.tail()", f"{path}.skip({number})",
            f"{path}.take({number})", f"{path}.distinct()", f"{path}[{number}]",
            f"({path} | {self.several(sort, depth - 1)})", f"{path}.combine({self.several(sort, depth - 1)})",
            f"{path}.intersect({self.several(sort, depth - 1)})", f"{path}.exclude({self.several(sort, depth - 1)})",
            f"{path}.where({self.about_this(sort)})", f"{path}.select($this)",
        ])  # fmt: skip

    def about_this(self, sort: str) -> str:
        """A condition on `$this`."""
        if sort == "text":
            return self._pick([f"$this = {self._pick(TEXTS)}", "$this.length() > 4", "$this.startsWith('P')",
                               "$this != 'x'", "$this > 'J'", "$this.contains('e')", "$index > 0"])  # fmt: skip
        if sort == "number":
            return self._pick(["$this > 1", f"$this = {self._pick(NUMBERS)}", "$this <= 3", "$this mod 2 = 0"])
        return self._pick(["exists()", "id.empty()", "$index = 0", "true", "children().exists()"])

    def text(self, depth: int) -> str:
        """A single text or none."""
        item = f"{self.several('text', depth - 1)}.first()"
        number = self._chance.randrange(4)
        return self._pick([
            item, self._pick(TEXTS), f"{item}.upper()", f"{item}.lower()", f"{item}.substring({number})",
            f"{item}.substring({number}, 2)", f"{item}.replace('e', 'E')", f"({item} & {self._pick(TEXTS)})",
            f"({item} + {self._pick(TEXTS)})", f"{self.number(depth - 1)}.toString()", f"{item}.trim()",
            f"iif({self.truth(depth - 1)}, {item}, 'no')", f"{self.several('text', 0)}.join(',')",
        ])  # fmt: skip

    def number(self, depth: int) -> str:
        """A single number or none."""
        if depth <= 0:
            return self._pick([f"({self._pick(self._paths['number'])}).first()", *NUMBERS[:4]])
        left, right = self.number(depth - 1), self.number(depth - 1)
        operator = self._pick(["+", "-", "*", "/", "div", "mod"])
        return self._pick([
            left, f"({left} {operator} {right})", f"({left}).abs()", f"({left} / 3).round(2)", f"({left}).floor()",
            f"({left} / 2).ceiling()", f"({left} / 2).truncate()", f"{self.several('text', depth - 1)}.count()",
            f"{self.text(depth - 1)}.length()", f"{self.text(depth - 1)}.toInteger()",
            f"{self.text(depth - 1)}.indexOf('e')", f"({left}).power(2)", f"({left}).toDecimal()",
        ])  # fmt: skip

    def truth(self, depth: int) -> str:
        """A single truth value or none."""
        if depth <= 0:
            return self._pick([*self._paths["truth"], "true", "false", "{}"])
        sort = self._pick(["text", "number", "any"])
        items = self.several(sort, depth - 1)
        logic = self._pick(["and", "or", "xor", "implies"])
        compare = self._pick(["=", "!=", "<", ">", "<=", ">=", "~", "!~"])
        return self._pick([
            f"{items}.exists()", f"{items}.empty()", f"{items}.exists({self.about_this(sort)})",
            f"{items}.isDistinct()",
            f"{items}.all({self.about_this(sort)})", f"({self.truth(depth - 1)}).not()",
            f"({self.truth(depth - 1)} {logic} {self.truth(depth - 1)})",
            f"({self.number(depth - 1)} {compare} {self.number(depth - 1)})",
            f"({self.text(depth - 1)} {compare} {self.text(depth - 1)})",
            f"({self.several('text', depth - 1)} = {self.several('text', depth - 1)})",
            f"({self._pick(TEXTS)} in {self.several('text', depth - 1)})",
            f"({self.several('text', depth - 1)} contains {self._pick(TEXTS)})",
            f"{items}.subsetOf({self.several(sort, depth - 1)})", f"{self.text(depth - 1)}.startsWith('P')",
            f"{self.text(depth - 1)}.matches('^[A-Z].*')", f"{self.text(depth - 1)}.convertsToInteger()",
        ])  # fmt: skip

    def special(self) -> str:
        """What only this type has: dates, choices, quantities."""
        compare = self._pick(["=", "!=", "<", ">", "<=", ">=", "~", "!~"])
        return self._pick(self._special).format(compare=compare, number=self._chance.randrange(4))

    def expression(self) -> str:
        """Any expression."""
        depth = self._chance.randrange(1, 4)
        return self._chance.choice([
            lambda: self.several("text", depth), lambda: self.several("number", depth), lambda: self.text(depth),
            lambda: self.number(depth), lambda: self.truth(depth), lambda: self.truth(depth),
            lambda: self.several("any", depth), self.special, self.special,
        ])()  # fmt: skip


def pairs() -> Iterator[tuple[str, dict[str, Any]]]:
    """Different pairs without end."""
    chance = random.Random(SEED)
    seen: set[tuple[str, str]] = set()
    while True:
        kind = chance.choice(["Patient", "Observation"])
        tree = chance.choice(PATIENTS if kind == "Patient" else OBSERVATIONS)
        text = Writer(chance, kind).expression()
        if (text, tree["id"]) not in seen:
            seen.add((text, tree["id"]))
            yield text, tree
