"""`caseledger demo`: import and serve samples, in a temporary directory and database."""

import tempfile
from pathlib import Path

import typer

from api.cli.import_command import Choices, run_import
from api.cli.serve import serve_api, try_port
from ingest.sample import SampleArchive, SampleOptions, write_files
from ingest.sample.builds import build_files
from ingest.sample.specs import SpecSampleOptions, sample_bytes
from models.embedded.server import embedded_server
from models.settings import Settings

_SPECS = 200


def run_demo(settings: Settings, port: int, cases: int) -> None:
    """Generate, import and serve samples; nothing is left afterwards."""
    try_port("127.0.0.1", port)
    with tempfile.TemporaryDirectory(prefix="caseledger-demo-") as directory:
        root = Path(directory)
        own = settings.model_copy(update={"mongodb_url": None, "home": root / "home"})
        typer.echo("Starting the embedded MongoDB …")
        with embedded_server(own) as uri:
            typer.echo(f"Generating {cases} sample cases, and specs and builds …")
            run_import(own, make_samples(root, cases), Choices())
            typer.echo(f"\nMongoDB     {uri}")
            typer.echo(f"Cases       http://127.0.0.1:{port}/api/v1/cases")
            typer.echo(f"Executions  http://127.0.0.1:{port}/api/v1/executions")
            typer.echo(f"Specs       http://127.0.0.1:{port}/api/v1/specs?q=^zlib@:1.2.12")
            typer.echo(f"Builds      http://127.0.0.1:{port}/api/v1/builds?status=failed")
            typer.echo(f"API docs    http://127.0.0.1:{port}/docs")
            typer.echo("Ctrl-C ends the demo and removes everything.\n")
            serve_api(own, "127.0.0.1", port)


def make_samples(root: Path, cases: int) -> list[Path]:
    """Write samples of cases, specs and builds below `root`; return the paths to import."""
    archive, specs, builds = root / "archive", root / "specs.json", root / "spack"
    SampleArchive(SampleOptions(cases=cases)).write_tree(archive)
    specs.write_bytes(b"".join(sample_bytes(SpecSampleOptions(_SPECS))))
    write_files(builds, build_files())
    return [archive, specs, builds]
