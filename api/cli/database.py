"""`caseledger db`: the address and the state of the database."""

import asyncio
import json
from dataclasses import asdict

import typer

from models.embedded.server import embedded_server, linger, server_status
from models.settings import Settings, mask_password


def print_uri(settings: Settings) -> None:
    """Print the connection string; an embedded server keeps running for a client to connect."""
    if settings.mongodb_url is not None:
        typer.echo(settings.mongodb_url.get_secret_value())
        return
    with embedded_server(settings) as uri:
        linger(settings, settings.linger_seconds)
        typer.echo(uri)


def print_status(settings: Settings, *, as_json: bool) -> None:
    """Print the state of the database, without starting it."""
    status = _remote_status(settings) if settings.mongodb_url else _embedded_status(settings)
    if as_json:
        typer.echo(json.dumps(status, indent=2))
        return
    for name, value in status.items():
        typer.echo(f"{name}: {'-' if value is None else value}")


def _embedded_status(settings: Settings) -> dict[str, object]:
    status = asdict(server_status(settings))
    return {"kind": "embedded", "database": settings.database, **status}


def _remote_status(settings: Settings) -> dict[str, object]:
    from models.connection import open_database

    async def ping() -> None:
        async with open_database(settings):
            pass

    assert settings.mongodb_url is not None
    asyncio.run(ping())
    uri = mask_password(settings.mongodb_url.get_secret_value())
    return {"kind": "remote", "database": settings.database, "running": True, "uri": uri}
