"""What the codes of the German broad consent mean to a study; data, with its origin, in `broad_consent.json`."""

from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from gateway.consent.policy_codes import Codes
from gateway.core.codec import loads
from gateway.study.parts import BroadConsent, CodeMeaning, PolicyCode


def broad_codes(taken: BroadConsent | None, organisations: Collection[str]) -> Codes:
    """The meanings by `system|code` for a study of these organisations; none for one that does not take it."""
    if taken is None:
        return {}
    read = _read()
    named = {"protected": tuple(taken.organisations), "others": tuple(set(organisations) - {*taken.organisations})}
    meanings = {name: _meaning(row, read["prefix"], named) for name, row in read["meanings"].items()}
    nothing = PolicyCode(meanings["nothing"], meanings["nothing"])
    found = {number: PolicyCode(**{kind: meanings[name] for kind, name in row.items()})
             for number, row in read["codes"].items()}  # fmt: skip
    for kind in taken.not_held:
        found |= dict.fromkeys(read["kinds"][kind], nothing)
    return {_code(read["prefix"], number): code for number, code in found.items()}


@cache
def _read() -> Any:
    return loads(files("gateway.consent").joinpath("broad_consent.json").read_bytes())


def _meaning(row: Mapping[str, Any], prefix: str, named: Mapping[str, tuple[str, ...]]) -> CodeMeaning:
    return CodeMeaning(
        actions=tuple(row["actions"]),
        purposes=tuple(row.get("purposes", ())),
        organisations=named[row["organisations"]] if "organisations" in row else None,
        data=row.get("data", ""),
        data_of=tuple(_code(prefix, number) for number in row.get("data_of", ())),
    )


def _code(prefix: str, number: str) -> str:
    return f"urn:oid:{prefix}|{prefix}.{number}"
