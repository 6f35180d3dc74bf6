"""The command `caseledger`."""

import sys

import typer

from models.errors import CaseledgerError, DatabaseError, SettingsError, SourceError

_EXIT_CODES: tuple[tuple[type[CaseledgerError], int], ...] = (
    (SettingsError, 2),
    (SourceError, 3),
    (DatabaseError, 4),
    (CaseledgerError, 1),
)
_INTERRUPTED = 130


def main() -> None:
    """Run the command line; every error that Caseledger knows is one line and an exit code."""
    from api.cli.app import app

    try:
        app()
    except CaseledgerError as error:
        typer.echo(f"caseledger: {error}", err=True)
        sys.exit(next(code for kind, code in _EXIT_CODES if isinstance(error, kind)))
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
