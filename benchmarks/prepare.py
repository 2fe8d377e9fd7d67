"""`python -m benchmarks prepare --size N` makes and keeps the trial of N Observations of the searches."""

import argparse
import sys

from benchmarks.search_growth import prepared
from benchmarks.trial_data import sqlite_file


def main(arguments: list[str]) -> int:
    """Makes the data set; prints its file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks prepare", description=__doc__)
    parser.add_argument("--size", type=int, required=True)
    print(sqlite_file(parser.parse_args(arguments).size, prepared()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
