"""The policies that roles of studies name, each with its study's key."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from gateway.core.assets import asset_roots
from gateway.core.errors import Unprocessable
from gateway.core.issues import issue
from gateway.export.deidentify.deidentifier import Deidentifier
from gateway.export.deidentify.keys import study_key
from gateway.export.deidentify.policy import Policy, load_policy
from gateway.export.deidentify.shipped import shipped_policies
from gateway.study import Study

MAX_MADE: Final = 100
"""How many are ready at a time: one for each study and policy that is used, and a new one each day."""


class Deidentifiers:
    """What de-identifies for the roles of studies. Safe between threads, which may make one twice."""

    def __init__(self, policies: Mapping[str, Policy], keys: Path, clock: Callable[[], datetime]) -> None:
        self._policies = policies
        self._keys = keys
        self._clock = clock
        self._made: dict[tuple[str, str, object], Deidentifier] = {}

    @classmethod
    def of(
        cls, studies: Iterable[Study], overlays: tuple[Path, ...], keys: Path, clock: Callable[[], datetime]
    ) -> "Deidentifiers":
        """Reads the policies that the studies' roles name; raises `Unprocessable` for one that is not there or has
        faults."""
        installed = shipped_policies(asset_roots("profiles", overlays))
        named = sorted({role.deidentify for study in studies for role in study.roles.values() if role.deidentify})
        for name in named:
            if name not in installed:
                raise Unprocessable(issue("export.policy-unknown", name=name))
        return cls({name: load_policy(installed[name]) for name in named}, keys, clock)

    def for_role(self, study: Study, role: str) -> Deidentifier | None:
        """What de-identifies for a role, as of today; None for one that is given data as they are.

        Raises `Unavailable` (`export.key`) for a damaged key.
        """
        name = study.roles[role].deidentify
        if not name:
            return None
        today = self._clock().date()
        found = self._made.get((study.id, name, today))
        if found is None:
            if len(self._made) >= MAX_MADE:
                self._made = {}
            found = Deidentifier(self._policies[name], study_key(self._keys, study.id), today)
            self._made[study.id, name, today] = found
        return found
