"""The command `caseledger`."""

import logging
import signal
import sys

import typer

from ingest.concurrency.gc_tuning import tune_garbage_collector
from models.errors import (
    CaseledgerError,
    DatabaseError,
    RemoteError,
    SettingsError,
    SourceError,
    UsageError,
)
from models.log_lines import is_logging_json

_EXIT_CODES: tuple[tuple[type[CaseledgerError], int], ...] = (
    (SettingsError, 2),
    (UsageError, 2),
    (SourceError, 3),
    (RemoteError, 4),
    (DatabaseError, 4),
    (CaseledgerError, 1),
)
_INTERRUPTED = 130


def main() -> None:
    """Run the command line; every error that Caseledger knows is one line and an exit code."""
    tune_garbage_collector()  # before the imports, which create many objects that all stay
    from api.cli.app import app

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # clean up as after Ctrl-C
    try:
        app()
    except CaseledgerError as error:
        if is_logging_json():
            logging.getLogger("caseledger").critical("%s", error)
        else:
            typer.echo(f"caseledger: {error}", err=True)
        sys.exit(next(code for kind, code in _EXIT_CODES if isinstance(error, kind)))
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
