"""The `group` and `series` parts of a grouped emit, checked."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from gateway.mapping.language.faults import FileFaults, Place
from gateway.mapping.language.formulas import Formulas, Names
from gateway.mapping.lineage import variables_of
from gateway.mapping.plan import Formula, Group, Map, Series, Source
from gateway.mapping.shape import Shape
from gateway.terminology import ucum

_SAMPLED = "SampledData"
_MICROSECONDS = Decimal(1_000_000)
_LONGEST = 366 * 86_400 * _MICROSECONDS
_ORIGIN_UNITS = ("unit", "system", "code")


@dataclass(frozen=True, slots=True)
class GroupReader:
    """Reads how members come together, and the series that is made of them."""

    formulas: Formulas
    faults: FileFaults

    def read(
        self,
        tree: dict[str, Any],
        place: Place,
        names: Names,
        foreach: Formula | None,
        when: Formula | None,
        variables: tuple[tuple[str, Formula], ...],
    ) -> Group | None:
        """The group of an emit; None where it has faults."""
        given, here = tree["group"], (*place, "group")
        by = [
            self.formulas.compile(text, (*here, "by", index), names) for index, text in enumerate(given.get("by", ()))
        ]
        found = self._find_series(tree["resource"], (*place, "resource"))
        series = self._series(*found, names) if found else None
        order = self.formulas.compile(given["order"], (*here, "order"), names) if "order" in given else None
        if series is not None:
            if order is not None and order.text != series.time.text:
                problem = "a series is ordered by its time; leave `order` out"
                self.faults.add("mapping.structure", (*here, "order"), problem=problem)
            order = series.time
        elif order is None and not found and "order" not in given:
            self.faults.add("mapping.structure", here, problem="`group` without a series takes an `order`")
        if order is None or None in by or (found and series is None):
            return None
        parts = tuple(part for part in by if part is not None)
        needs = [part for part in (*parts, order, when, series.value if series else None) if part is not None]
        return Group(foreach, when, variables, _used(variables, needs), parts, order, series)

    def inside(self, names: Names, variables: tuple[tuple[str, Formula], ...], root: str) -> Names:
        """What template, key and guards see: `first`, `last`, `count` and `records` in the focus, and the facts."""
        ends: dict[str, tuple[Source, ...]] = {
            name: tuple(
                replace(source, root=root) if source.root == "focus" else source for source in formula.sources
            )
            for name, formula in variables
        }
        known = names.only("payload", "records", "subject", "site", "study", "envelope")
        members = names.shape.item if root == "item" else names.shape.record
        return replace(known, variables={}, ends=ends, shape=Shape(names.shape.root, names.shape.payload, members))

    def without_series(self, resource: Any) -> Any:
        """The resource without its SampledData of a series."""
        if not isinstance(resource, dict):
            return resource
        return {key: value for key, value in resource.items() if not _is_series(key, value)}

    def with_series(self, root: Map, group: Group, resource: dict[str, Any]) -> Map:
        """The template with the series where the file has it."""
        key = next((key for key, value in resource.items() if _is_series(key, value)), "")
        if group.series is None:
            return root
        order = list(resource)
        before = [field for field in root.fields if order.index(field[0]) < order.index(key)]
        return replace(root, fields=(*before, (key, group.series), *root.fields[len(before) :]))

    def _find_series(self, resource: Any, place: Place) -> tuple[str, dict[str, Any], Place] | None:
        if not isinstance(resource, dict):
            return None
        found = [key for key, value in resource.items() if _is_series(key, value)]
        return (found[0], resource[found[0]], (*place, found[0])) if found else None

    def _series(self, key: str, tree: dict[str, Any], place: Place, names: Names) -> Series | None:
        given, here = tree["series"], (*place, "series")
        if len(tree) > 1 or not isinstance(given, dict):
            self.faults.add("mapping.structure", place, problem="`series` stands alone in its SampledData")
            return None
        wrong = sorted(given.keys() - _KEYS) + sorted(_REQUIRED - given.keys())
        for name in wrong:
            problem = f"a series {'has no' if name in given else 'needs'} `{name}`"
            self.faults.add("mapping.structure", (*here, name) if name in given else here, problem=problem)
        if wrong:
            return None
        time = self._formula(given, "time", here, names)
        value = self._formula(given, "value", here, names)
        period = self._duration(given["period"], (*here, "period"))
        tolerance = self._duration(given["tolerance"], (*here, "tolerance")) if "tolerance" in given else None
        irregular = self._choice(given, "irregular", ("split", "nearest", "individual", "error"), here)
        missing = self._choice(given, "missing", ("split", "E"), here)
        self._choice(given, "gaps", ("split",), here)
        origin = self._origin(given["origin"], (*here, "origin"))
        limits = {name: self._limit(given, name, here) for name in ("lower", "upper") if name in given}
        if time is None or value is None or period is None or origin is None or None in limits.values():
            return None
        if irregular == "nearest" and tolerance is None:
            tolerance = period // 2
        elif irregular != "nearest" and tolerance is not None:
            self.faults.add(
                "mapping.structure", (*here, "tolerance"), problem="`tolerance` is for irregular: nearest"
            )
        head = _head(origin, period, limits)
        alone = key.removesuffix(_SAMPLED) + "Quantity" if irregular == "individual" else ""
        return Series(time, value, head, period, tolerance, irregular == "error", missing == "E",
                      limits.get("lower"), limits.get("upper"), alone, self.faults.position(here))  # fmt: skip

    def _formula(self, given: dict[str, Any], name: str, place: Place, names: Names) -> Formula | None:
        text = given[name]
        if not isinstance(text, str) or not text.startswith("="):
            self.faults.add("mapping.structure", (*place, name), problem=f"`{name}` takes an expression (=...)")
            return None
        return self.formulas.compile(text, (*place, name), names)

    def _duration(self, given: Any, place: Place) -> int | None:
        """Microseconds of `{value: 60, unit: s}`."""
        value, unit = (given.get("value"), given.get("unit")) if isinstance(given, dict) else (None, None)
        if type(value) in (int, Decimal) and isinstance(unit, str):
            try:
                found = ucum.convert(Decimal(str(value)), unit, "s") * _MICROSECONDS
            except ValueError:
                self.faults.add("mapping.unit-invalid", (*place, "unit"), unit=unit)
                return None
            except ArithmeticError:
                found = Decimal(0)
            if 0 < found <= _LONGEST and found == int(found):
                return int(found)
        problem = "a time is {value: NUMBER, unit: UCUM}, more than 0 and no more than a year"
        self.faults.add("mapping.structure", place, problem=problem)
        return None

    def _choice(self, given: dict[str, Any], name: str, known: tuple[str, ...], place: Place) -> str:
        value = given.get(name, known[0])
        if value not in known:
            problem = f"`{name}` is one of {', '.join(known)}"
            self.faults.add("mapping.structure", (*place, name), problem=problem)
        return str(value)

    def _origin(self, given: Any, place: Place) -> dict[str, Any] | None:
        names = set(given) if isinstance(given, dict) else set()
        if not names or not names <= {"value", *_ORIGIN_UNITS} or type(given.get("value")) not in (int, Decimal):
            self.faults.add("mapping.structure", place, problem="`origin` is {value: 0, unit, system, code}")
            return None
        if given["value"] != 0:
            self.faults.add("mapping.not-offered", (*place, "value"), what="an origin other than 0")
        code = given.get("code")
        if code is not None and given.get("system") == "http://unitsofmeasure.org" and not ucum.validate(str(code)):
            self.faults.add("mapping.unit-invalid", (*place, "code"), unit=code)
        return dict(given)

    def _limit(self, given: dict[str, Any], name: str, place: Place) -> Decimal | None:
        if type(given[name]) not in (int, Decimal):
            self.faults.add("mapping.structure", (*place, name), problem=f"`{name}` is a number")
            return None
        return Decimal(str(given[name]))


_REQUIRED = frozenset({"time", "value", "period", "origin"})
_KEYS = _REQUIRED | {"irregular", "missing", "gaps", "tolerance", "lower", "upper"}


def _is_series(key: str, value: Any) -> bool:
    return key.endswith(_SAMPLED) and isinstance(value, dict) and "series" in value


def _head(origin: dict[str, Any], period: int, limits: Mapping[str, Decimal | None]) -> dict[str, Any]:
    """The SampledData without its data; the period in milliseconds, as R4 has it."""
    whole, rest = divmod(period, 1000)
    head: dict[str, Any] = {"origin": origin, "period": whole if rest == 0 else Decimal(period) / 1000}
    for name, limit in limits.items():
        head[f"{name}Limit"] = limit
    return {**head, "dimensions": 1}


def _used(variables: tuple[tuple[str, Formula], ...], needs: list[Formula]) -> tuple[tuple[str, Formula], ...]:
    """The variables that the formulas read, and those that these read, in their order."""
    wanted = {name for formula in needs for name in variables_of(formula.expression.ast)}
    found: list[tuple[str, Formula]] = []
    for name, formula in reversed(variables):
        if name in wanted:
            found.append((name, formula))
            wanted |= variables_of(formula.expression.ast)
    return tuple(reversed(found))
