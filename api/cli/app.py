"""The subcommands and their options.

Each imports what it does when it is called: that keeps the start of every command short.
"""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="caseledger",
    help="Provenance store for E3SM simulations and the software they ran on.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
db = typer.Typer(no_args_is_help=True, help="The database.")
app.add_typer(db, name="db")
token = typer.Typer(no_args_is_help=True, help="The bearer tokens of the REST API.")
app.add_typer(token, name="token")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, and nothing else.")]


def _print_version(is_asked: bool) -> None:
    if is_asked:
        from models.version import VERSION

        typer.echo(f"caseledger {VERSION}")
        raise typer.Exit


@app.callback()
def _caseledger(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Provenance store for E3SM simulations and the software they ran on."""


@app.command("import")
def import_command(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH…",
            help="A performance archive, any directory above or below it, or a .tar, .tar.gz, .tgz,"
            " .tar.zst, .tzst or .zip of one; also what Spack has written.",
        ),
    ],
    as_json: AsJson = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Parser processes; one for each core by default.")
    ] = None,
    machine: Annotated[
        str | None, typer.Option(help="Machine of executions whose path and files do not name one.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 when something was rejected.")
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Import through the REST API of this server.",
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(help="Token for --to; in CASELEDGER_TOKEN others cannot see it."),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N", help="Import only part I of N, for N importers at the same time."
        ),
    ] = None,
    list_again: Annotated[
        bool,
        typer.Option("--list-again", help="List also directories that have not changed."),
    ] = False,
    watch: Annotated[
        float | None,
        typer.Option(min=1, metavar="SECONDS", help="Import again after this pause, until Ctrl-C."),
    ] = None,
) -> None:
    """Import E3SM performance archives; running it again imports what is new.

    Exit codes: 0 done; 1 done, but something was rejected and --strict was given; 2 wrong usage;
    3 a source could not be read; 4 the database failed; 130 interrupted.
    """
    from api.cli.import_command import Choices, run_import
    from models.settings import load_settings

    choices = Choices(
        jobs=jobs, machine=machine, shard=shard, dry_run=dry_run, as_json=as_json, quiet=quiet,
        strict=strict, watch=watch, to=to, token=token, list_again=list_again,
    )  # fmt: skip
    raise typer.Exit(run_import(load_settings(), paths, choices))


@app.command()
def ingestions(
    ingestion_id: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="Show this import; the beginning of its id is enough."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many to list at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the imports that were run, the latest first, or show one with its problems."""
    from api.cli.ingestions import show_ingestion, show_ingestions
    from models.settings import load_settings

    settings = load_settings()
    if ingestion_id is None:
        show_ingestions(settings, limit, as_json=as_json)
    else:
        show_ingestion(settings, ingestion_id, as_json=as_json)


@app.command()
def verify(
    repair: Annotated[bool, typer.Option("--repair", help="Correct what is wrong.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check that everything derived agrees with what it is derived from.

    Exit codes: 0 everything agrees, or was corrected; 1 there are differences, or with --repair
    damages that cannot be repaired from what is stored.
    """
    from api.cli.verify import run_verify
    from models.settings import load_settings

    raise typer.Exit(run_verify(load_settings(), repair=repair, as_json=as_json))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on.")] = None,
) -> None:
    """Serve the REST API until Ctrl-C; its documentation is at /docs."""
    from api.cli.serve import serve_api
    from models.settings import load_settings

    settings = load_settings()
    serve_api(settings, host or settings.host, settings.port if port is None else port)


@app.command()
def demo(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    cases: Annotated[int, typer.Option(min=1, max=10_000, help="Cases in the sample.")] = 12,
) -> None:
    """Import a sample archive into a temporary database, and serve it until Ctrl-C."""
    from api.cli.demo import run_demo
    from models.settings import load_settings

    run_demo(load_settings(), port, cases)


@app.command("settings")
def settings_command(as_json: AsJson = False) -> None:
    """Print the effective settings, with secrets masked."""
    import json

    from models.settings import load_settings, shown_settings

    shown = shown_settings(load_settings())
    if as_json:
        typer.echo(json.dumps(shown, indent=2))
        return
    for name, value in shown.items():
        typer.echo(f"{name}={'' if value is None else value}")


@db.command("uri")
def db_uri() -> None:
    """Print the connection string for mongosh or PyMongo, starting the embedded server if needed.

    The embedded server then waits for a client for CASELEDGER_LINGER_SECONDS, and keeps running
    while one is connected.
    """
    from api.cli.database import print_uri
    from models.settings import load_settings

    print_uri(load_settings())


@db.command("status")
def db_status(as_json: AsJson = False) -> None:
    """Print whether the database runs, without starting it; exit with 4 if it cannot be reached."""
    from api.cli.database import print_status
    from models.settings import load_settings

    print_status(load_settings(), as_json=as_json)


@token.command("create")
def token_create(
    name: Annotated[str, typer.Argument(help="What the token is for.")],
    scopes: Annotated[
        list[str],
        typer.Option(
            "--scope",
            help="read, ingest, edit, metrics, or admin, which allows all; can be repeated.",
        ),
    ],
    days: Annotated[
        float | None,
        typer.Option(
            min=0.001, max=36_500, help="How many days it is valid; until it is revoked by default."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a token and print it: it is never shown again."""
    from api.cli.tokens import print_new_token
    from models.settings import load_settings

    print_new_token(load_settings(), name, scopes, days, as_json=as_json)


@token.command("list")
def token_list(as_json: AsJson = False) -> None:
    """List all tokens, including those that are no longer valid, without their secrets."""
    from api.cli.tokens import print_tokens
    from models.settings import load_settings

    print_tokens(load_settings(), as_json=as_json)


@token.command("revoke")
def token_revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="Public id of the token.")],
) -> None:
    """Revoke a token at once and for good; its record remains."""
    from api.cli.tokens import revoke
    from models.settings import load_settings

    revoke(load_settings(), token_id)
