"""`python -m tests.mutants [NAME ...] [--every=N]`: one line a target, `NAME killed/mutants percent`, then survivors.

With `--every=N` one of N mutants is tried. Exit code 1 when fewer than `WANTED` of a target's mutants are killed.
"""

import sys
from typing import Final

from tests.mutants.running import Target, survivors

WANTED: Final = 0.9

TARGETS: Final = (
    Target(
        "auth.jose", ("gateway.auth.jose",), ("tests/unit/auth/test_jose.py", "tests/unit/auth/test_jose_bounds.py")
    ),
    Target("auth.scopes", ("gateway.auth.scopes",), ("tests/unit/auth/test_scopes.py",)),
    Target(
        "access.scopes",
        ("gateway.access.scopes", "gateway.access.limits", "gateway.access.reach"),
        ("tests/unit/access/test_limits.py", "tests/unit/access/test_reach.py"),
    ),
    Target(
        "consent",
        ("gateway.consent.decision", "gateway.consent.terms", "gateway.consent.windows", "gateway.consent.grants"),
        ("tests/unit/consent",),
    ),
)


def main(names: list[str]) -> int:
    """Runs the named targets, all without names."""
    failed, stride = False, next((int(one[8:]) for one in names if one.startswith("--every=")), 1)
    names = [one for one in names if not one.startswith("--")]
    for target in TARGETS:
        if names and target.name not in names:
            continue
        count, found = survivors(target, stride)
        for module, mutant in found:
            sys.stdout.write(f"  survived: {module}:{mutant.line} {mutant.change}\n")
        share = (count - len(found)) / count
        failed |= share < WANTED
        sys.stdout.write(f"{target.name} {count - len(found)}/{count} {share:.1%}\n")
        sys.stdout.flush()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
