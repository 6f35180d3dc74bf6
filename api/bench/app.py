"""The benchmarks and their options."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="caseledger-bench",
    help="Measure Caseledger against floors, as ratios within one run: machines differ.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Jobs = Annotated[int, typer.Option(min=1, help="Parser processes, and processes of the floor.")]
Rounds = Annotated[int, typer.Option(min=1, help="How often; the best of each counts.")]


@app.command("import")
def import_command(
    cases: Annotated[int, typer.Option(min=1, help="Cases of the archive.")] = 200,
    executions: Annotated[int, typer.Option(min=1, help="Executions of each case.")] = 5,
    jobs: Jobs = 2,
    rounds: Rounds = 3,
) -> None:
    """First import, and import again, against reading, inflating and parsing the same files.

    The archive has all files of an execution, and is made in a temporary directory.
    """
    from api.bench.importing import measure_import

    _print(asyncio.run(measure_import(cases, executions, jobs, rounds)))


@app.command()
def memory(
    executions: Annotated[
        list[int] | None, typer.Option("--executions", min=1, help="Sizes; give it repeatedly.")
    ] = None,
    jobs: Jobs = 2,
) -> None:
    """Peak memory of an import in all its processes, for archives of several sizes.

    The archive is made while it is imported, and takes no space.
    """
    from api.bench.memory import measure_memory

    _print(measure_memory(executions or [1000, 10_000], jobs))


@app.command()
def growth(
    sizes: Annotated[
        list[int] | None, typer.Option("--size", min=1, help="Executions of the case before.")
    ] = None,
    added: Annotated[int, typer.Option(min=1, help="Executions that are added.")] = 20,
) -> None:
    """Cost per execution, one import each, when its case has many executions already."""
    from api.bench.growth import measure_growth

    _print(asyncio.run(measure_growth(sizes or [10, 100, 1000, 5000], added)))


@app.command()
def specs(
    nodes: Annotated[int, typer.Option(min=2, help="Nodes of the document to upload.")] = 55,
    sizes: Annotated[
        list[int] | None, typer.Option("--size", min=1, help="Specs to search; give it repeatedly.")
    ] = None,
    corpus: Annotated[
        Path | None,
        typer.Option(exists=True, help="What to import; made documents without it."),
    ] = None,
    rounds: Rounds = 7,
) -> None:
    """Upload, search and import of specs, against bare inserts and queries written by hand."""
    from api.bench.specs import measure_specs

    _print(asyncio.run(measure_specs(nodes, sizes or [5000], corpus, rounds)))


@app.command()
def builds(
    logs: Annotated[
        list[int] | None, typer.Option("--log", min=1, help="MiB of the log; give it repeatedly.")
    ] = None,
    files: Annotated[
        list[int] | None, typer.Option("--files", min=1, help="Files of the manifest.")
    ] = None,
) -> None:
    """Peak memory of the service for logs and manifests over REST, and speed of the log parser."""
    from api.bench.builds import measure_builds

    _print(measure_builds(logs or [2, 20, 200], files or [500, 5_000, 50_000]))


@app.command()
def rest(
    small: Annotated[int, typer.Option(min=1, help="Executions of the small database.")] = 10_000,
    large: Annotated[int, typer.Option(min=1, help="Executions of the large one.")] = 100_000,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that fill the databases.")] = 2,
    rounds: Rounds = 7,
) -> None:
    """Pages against the bare driver, in a large database against a small one; memory of exports.

    Every filter and every sort is asked for, on the first page and in the middle of the list. The
    executions are made without files, and recorded as an import does.
    """
    from api.bench.rest import measure_rest

    _print(asyncio.run(measure_rest([small, large], jobs, rounds)))


def _print(figures: dict[str, Any]) -> None:
    typer.echo(json.dumps(figures, indent=2))
