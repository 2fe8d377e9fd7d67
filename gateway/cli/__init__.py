"""The command line: one file per command or group of commands; the file is its own registration.

A module of this package with a `typer.Typer` named `app` becomes a group of its own name (`_` written as `-`); one
with a function `register(app)` adds its commands to the root. No list is edited. Modules import nothing heavy at the
top: no web framework, database or settings, so that `gateway --help` answers at once.
Exit codes: 0 success, 1 findings, 2 wrong use.
"""
