"""`python -m benchmarks [NAME ...] [--json]`: each figure beside its reference; `prepare --size N` makes data."""

import importlib
import pkgutil
import sys
from collections.abc import Iterator

import benchmarks
from benchmarks.figure import Figure

NOT_A_BENCHMARK = {"__main__", "figure", "load", "reference", "demo_study", "server", "prepare", "trial_data",
                   "synthea", "postgres_trial", "search_queries"}  # fmt: skip


def figures(names: list[str]) -> Iterator[Figure]:
    """The figures of the named benchmarks, of all without names."""
    for module_info in pkgutil.iter_modules(benchmarks.__path__):
        if module_info.name in NOT_A_BENCHMARK:
            continue
        module = importlib.import_module(f"benchmarks.{module_info.name}")
        if module.NAME in names or not (names or getattr(module, "ON_REQUEST", False)):
            yield from module.run()


def main(arguments: list[str]) -> int:
    """Prints a table, or JSON lines with `--json`; exit code 1 when a figure misses a limit."""
    if arguments[:1] == ["prepare"]:
        from benchmarks.prepare import main as prepare

        return prepare(arguments[1:])
    names = [argument for argument in arguments if not argument.startswith("-")]
    as_json, missed = "--json" in arguments, False
    if not as_json:
        print(f"{'bench':34} {'value':>12} {'reference':>12} {'ratio':>7}  limit")
    for figure in figures(names):
        missed |= figure.missed
        if as_json:
            print(figure.line(), flush=True)
        else:
            print(
                f"{figure.bench:34} {figure.value:>9.4g} {figure.unit:<6}{figure.reference:>8.4g} "
                f"{figure.ratio:>10.2f}  {figure.limits}{'  MISSED' if figure.missed else ''}",
                flush=True,
            )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
