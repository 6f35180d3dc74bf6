"""`caseledger demo`: the whole of it on a made archive, in a place of its own."""

import tempfile
from pathlib import Path

import typer

from api.cli.importing import Choices, run_import
from api.cli.serving import serve_api, try_port
from ingest.sample import SampleArchive, SampleOptions
from ingest.sample.specs import SpecSampleOptions, made_bytes
from models.embedded.server import embedded_server
from models.settings import Settings

_SPECS = 200


def run_demo(settings: Settings, port: int, cases: int) -> None:
    """Generate, import and serve samples of both sides; nothing of it is left afterwards."""
    try_port("127.0.0.1", port)
    with tempfile.TemporaryDirectory(prefix="caseledger-demo-") as directory:
        root = Path(directory)
        own = settings.model_copy(update={"mongodb_url": None, "home": root / "home"})
        typer.echo("Starting the embedded MongoDB …")
        with embedded_server(own) as uri:
            archive = root / "archive"
            typer.echo(f"Making a sample archive of {cases} cases …")
            SampleArchive(SampleOptions(cases=cases)).write_tree(archive)
            specs = root / "specs.json"
            specs.write_bytes(b"".join(made_bytes(SpecSampleOptions(_SPECS))))
            run_import(own, [archive, specs], Choices())
            typer.echo(f"\nMongoDB     {uri}")
            typer.echo(f"Cases       http://127.0.0.1:{port}/api/v1/cases")
            typer.echo(f"Executions  http://127.0.0.1:{port}/api/v1/executions")
            typer.echo(f"Specs       http://127.0.0.1:{port}/api/v1/specs?q=^zlib@:1.2.12")
            typer.echo(f"API docs    http://127.0.0.1:{port}/docs")
            typer.echo("Ctrl-C ends the demo and removes what it made.\n")
            serve_api(own, "127.0.0.1", port)
