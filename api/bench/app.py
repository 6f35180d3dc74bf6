"""The commands of `caseledger-bench` and their options."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from api.bench.faults.app import app as faults

app = typer.Typer(
    name="caseledger-bench",
    help="Measure Caseledger as ratios to lower bounds within one run, because machines differ.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(faults)

Jobs = Annotated[
    int, typer.Option(min=1, help="Parser processes, and processes that read the floor.")
]
Rounds = Annotated[int, typer.Option(min=1, help="Number of repetitions; the fastest counts.")]


@app.command("import")
def import_command(
    cases: Annotated[int, typer.Option(min=1, help="Number of cases in the archive.")] = 200,
    executions: Annotated[int, typer.Option(min=1, help="Number of executions in each case.")] = 5,
    jobs: Jobs = 2,
    rounds: Rounds = 3,
) -> None:
    """A first and a second import, against reading, inflating and parsing the same files.

    The archive has all files of an execution, and is generated in a temporary directory.
    """
    from api.bench.importing import measure_import

    _print(asyncio.run(measure_import(cases, executions, jobs, rounds)))


@app.command()
def memory(
    executions: Annotated[
        list[int] | None,
        typer.Option("--executions", min=1, help="Size of an archive; repeatable."),
    ] = None,
    jobs: Jobs = 2,
) -> None:
    """Peak memory of all processes of an import, for archives of several sizes.

    The archive is generated while it is imported, so that it takes no space.
    """
    from api.bench.memory import measure_memory

    _print(measure_memory(executions or [1000, 10_000], jobs))


@app.command()
def growth(
    sizes: Annotated[
        list[int] | None,
        typer.Option("--size", min=1, help="Executions that the case has before; repeatable."),
    ] = None,
    added: Annotated[int, typer.Option(min=1, help="Number of executions to add.")] = 20,
) -> None:
    """Time to import one more execution into a case that already has many."""
    from api.bench.growth import measure_growth

    _print(asyncio.run(measure_growth(sizes or [10, 100, 1000, 5000], added)))


@app.command()
def specs(
    nodes: Annotated[
        int, typer.Option(min=2, help="Number of nodes in the document to upload.")
    ] = 55,
    sizes: Annotated[
        list[int] | None,
        typer.Option("--size", min=1, help="Number of specs to search; repeatable."),
    ] = None,
    corpus: Annotated[
        Path | None,
        typer.Option(exists=True, help="Path to import; generated documents by default."),
    ] = None,
    rounds: Rounds = 7,
) -> None:
    """Upload, search and import of specs, against bare inserts and hand-written queries."""
    from api.bench.specs import measure_specs

    _print(asyncio.run(measure_specs(nodes, sizes or [5000], corpus, rounds)))


@app.command()
def builds(
    logs: Annotated[
        list[int] | None, typer.Option("--log", min=1, help="Size of the log in MiB; repeatable.")
    ] = None,
    files: Annotated[
        list[int] | None,
        typer.Option("--files", min=1, help="Number of files in the manifest; repeatable."),
    ] = None,
) -> None:
    """Peak memory of the service for logs and manifests over REST; speed of the log parser."""
    from api.bench.builds import measure_builds

    _print(measure_builds(logs or [2, 20, 200], files or [500, 5_000, 50_000]))


@app.command()
def rest(
    small: Annotated[int, typer.Option(min=1, help="Executions in the small database.")] = 10_000,
    large: Annotated[int, typer.Option(min=1, help="Executions in the large database.")] = 100_000,
    jobs: Annotated[
        int, typer.Option(min=1, help="Number of processes that fill the databases.")
    ] = 2,
    rounds: Rounds = 7,
) -> None:
    """Pages against the bare driver, and in a large database against a small one; export memory.

    Every filter and every sort order is measured on the first page and in the middle of the list.
    The executions are generated without files, and recorded in the same way as by an import.
    """
    from api.bench.rest import measure_rest

    _print(asyncio.run(measure_rest([small, large], jobs, rounds)))


def _print(figures: dict[str, Any]) -> None:
    typer.echo(json.dumps(figures, indent=2))
