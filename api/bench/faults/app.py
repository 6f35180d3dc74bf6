"""The commands of `caseledger-bench faults` and their options."""

import json
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="faults",
    help="Kill servers under load, and see whether anything acknowledged is lost.",
    no_args_is_help=True,
)

Writers = Annotated[int, typer.Option(min=1, help="Clients of each kind that write.")]
Seed = Annotated[int, typer.Option(help="Seed of what is killed, and when.")]


@app.command("replica-set")
def replica_set(
    seconds: Annotated[
        float, typer.Option(min=1, help="Time during which there are faults.")
    ] = 120,
    writers: Writers = 2,
    seed: Seed = 1,
) -> None:
    """Kill and restart the members of a replica set of three, and step its primary down.

    Meanwhile clients write over REST, and archives are imported. Exit with 1 when something that
    was acknowledged is lost, anything is stored twice, an answer is a 500, or `caseledger verify`
    finds a difference.
    """
    from api.bench.faults.replica_set import measure_replica_set

    _print(measure_replica_set(seconds, writers, seed))


@app.command()
def embedded(
    rounds: Annotated[int, typer.Option(min=1, help="Number of kills.")] = 30,
    writers: Writers = 1,
    seed: Seed = 1,
) -> None:
    """Kill the embedded mongod, and the process that keeps it, again and again.

    The service has to answer writes again by itself. Exit with 1 as `replica-set` does, and when
    it does not come back.
    """
    from api.bench.faults.embedded import measure_embedded

    _print(measure_embedded(rounds, writers, seed))


@app.command()
def soak(
    seconds: Annotated[float, typer.Option(min=10, help="How long it takes.")] = 3600,
    clients: Annotated[int, typer.Option(min=1, help="Clients at the same time.")] = 50,
    executions: Annotated[
        int, typer.Option(min=20, help="Executions in the database before.")
    ] = 10_000,
    pause: Annotated[
        float, typer.Option(min=0, help="Seconds between two requests of a client.")
    ] = 0.2,
) -> None:
    """Send mixed requests for an hour: errors, latencies, and how the memory of the service grows.

    Exit with 1 when an answer is an error, or memory grows by 1 MiB a minute or more in the second
    half.
    """
    from api.bench.faults.soak import measure_soak

    _print(measure_soak(seconds, clients, executions, pause))


def _print(figures: dict[str, Any]) -> None:
    typer.echo(json.dumps(figures, indent=2))
    if figures["failures"]:
        raise typer.Exit(1)
