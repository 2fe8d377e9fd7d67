"""The root command, which finds its commands in this package, and the one place where errors end a run."""

import sys
import traceback
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated

import typer

import gateway.cli
from gateway.cli.console import show_error, show_issues, write_line
from gateway.core.errors import FhirError

NOT_COMMANDS = frozenset({"main", "console"})

HELP = """The open-source gateway that a clinical trial runs its data through.

Vendor payloads in, validated and consent-gated FHIR R4 out. Start with: gateway demo
"""


def build() -> typer.Typer:
    """The root command with every command that this package holds."""
    root = typer.Typer(
        name="gateway",
        help=HELP,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    root.callback()(_root)
    for found in iter_modules(gateway.cli.__path__):
        if found.name in NOT_COMMANDS or found.name.startswith("_"):
            continue
        module = import_module(f"gateway.cli.{found.name}")
        if hasattr(module, "register"):
            module.register(root)
        if hasattr(module, "app"):
            root.add_typer(module.app, name=found.name.replace("_", "-"))
    return root


def _show_version(wanted: bool) -> None:
    if wanted:
        write_line(gateway.__version__)
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    del version


def main() -> None:
    """Runs one command and ends the process with its exit code."""
    try:
        build()()
    except FhirError as error:
        show_issues(error.issues)
        sys.exit(1)
    except Exception as error:
        sys.exit(_unexpected(error))


def _unexpected(error: Exception) -> int:
    """Tells what stopped the run: settings faults in words, anything else by type and place, without its text."""
    if type(error).__name__ == "ValidationError" and getattr(error, "title", "") == "Settings":
        for fault in error.errors(include_input=False, include_url=False):  # type: ignore[attr-defined]
            name = "GATEWAY_" + "_".join(str(part) for part in fault["loc"]).upper() + ": " if fault["loc"] else ""
            show_error(name + fault["msg"].removeprefix("Value error, "))
        return 2
    if isinstance(error, OSError) and error.strerror:
        show_error(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
        return 2
    frames = "".join(traceback.format_tb(error.__traceback__))
    show_error(f"{frames}stopped by {type(error).__name__}; its text is left out, since it may hold data")
    return 2
