"""`python -m benchmarks [NAME ...] [--json]`: each figure beside its reference; `prepare --size N` makes data."""

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType

import benchmarks
from benchmarks.figure import Figure

NOT_A_BENCHMARK = {"__main__", "at_rest", "figure", "load", "reference", "demo_study", "server", "prepare",
                   "trial_data", "synthea", "postgres_trial", "search_queries"}  # fmt: skip
EXAMPLE = """
example:
  python -m benchmarks mapping create --json

`python -m benchmarks prepare --size N` makes and keeps the data of the searches.
"""


def modules() -> dict[str, ModuleType]:
    """The benchmarks by name."""
    names = [found.name for found in pkgutil.iter_modules(benchmarks.__path__) if found.name not in NOT_A_BENCHMARK]
    found = [importlib.import_module(f"benchmarks.{name}") for name in names]
    return {module.NAME: module for module in found}


def figures(chosen: Iterable[ModuleType]) -> Iterator[Figure]:
    """The figures of benchmarks."""
    for module in chosen:
        yield from module.run()


def main(arguments: list[str]) -> int:
    """Prints a table, or JSON lines with `--json`; exit code 1 when a figure misses a limit, 2 for a wrong name."""
    if arguments[:1] == ["prepare"]:
        from benchmarks.prepare import main as prepare

        return prepare(arguments[1:])
    known = modules()
    asked = _parser(known).parse_args(arguments)
    chosen = [known[name] for name in asked.names] or [m for m in known.values() if not _on_request(m)]
    missed = False
    if not asked.json:
        print(f"{'bench':34} {'value':>12} {'reference':>12} {'ratio':>7}  limit")
    for figure in figures(chosen):
        missed |= figure.missed
        print(figure.line() if asked.json else figure.row(), flush=True)
    return 1 if missed else 0


def _parser(known: dict[str, ModuleType]) -> argparse.ArgumentParser:
    titles = [
        f"  {name:14} {(module.__doc__ or '').splitlines()[0]}{' (when asked for)' if _on_request(module) else ''}"
        for name, module in known.items()
    ]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures figures of the product, each beside its reference; all of them without a name.",
        epilog="\n".join(("benchmarks:", *titles, EXAMPLE)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def name(text: str) -> str:
        if text not in known:
            raise argparse.ArgumentTypeError(f"no benchmark {text!r}; there are {', '.join(known)}")
        return text

    parser.add_argument("names", nargs="*", metavar="NAME", type=name, help="a benchmark of the list below")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser


def _on_request(module: ModuleType) -> bool:
    return getattr(module, "ON_REQUEST", False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
