"""Examples for the OpenAPI document: real answers about the sample archive, shortened."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import httpx2
import orjson

from api.app import create_app
from api.openapi import EXAMPLES_FILE
from ingest.importing import ImportOptions, import_paths
from ingest.sample import write_files
from ingest.sample.builds import build_files
from ingest.sample.site import FIRST_STACK, SECOND_STACK
from models.connection import open_database
from models.database.client import Database
from models.embedded.server import embedded_server
from models.settings import Settings
from tests.support.archives import hash_of, sample_files

MAX_ITEMS = 1
MAX_KEYS = 3
FREE_MAPS = frozenset({"configuration", "runConfigDeltas", "expectedVariation", "concrete_specs"})
TIME = "2026-01-02T03:04:05.678000Z"
FIXED: dict[str, Any] = {
    "createdAt": TIME, "updatedAt": TIME, "startedAt": TIME, "finishedAt": TIME, "at": TIME,
    "aliveAt": TIME,
    "seconds": 1.2, "caseledgerVersion": "1.0.0",
}  # fmt: skip
INGESTION = "6fa20d82-5b1f-4f4e-9d0b-2f8f3c0f6a11"
QUERIES = {
    "compare_executions": "left={caseId}/{executionId}&right={caseId}/{other}",
    "list_facets": "field=machine",
    "compare_two_specs": "left={hash}&right={otherHash}",
    "compare_two_builds": "left={buildId}&right={otherBuildId}",
    "read_build_matrix": "package=hdf5",
}


async def read_examples(database: Database) -> dict[str, Any]:
    """Return an answer for each route that reads, by operation id."""
    app = create_app(Settings(anonymous_metrics=True))
    app.state.database = database
    names = await _names(database)
    found: dict[str, Any] = {}
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://example") as client:
        for path, item in app.openapi()["paths"].items():
            name = item.get("get", {}).get("operationId")
            try:
                address = f"{path}?{QUERIES.get(name, '')}".format_map(names)
            except KeyError:
                continue
            answer = await client.get(address.removesuffix("?"))
            if answer.headers["content-type"] == "application/json" and answer.is_success:
                found[name] = shortened(answer.json())
    return found


def shortened(value: Any, *, is_free: bool = False) -> Any:
    """Return a value with the first items of its lists, and of maps that can have any keys.

    What is another one each time is replaced, so that examples change only when answers do.
    """
    if isinstance(value, list):
        return [shortened(item) for item in value[:MAX_ITEMS]]
    if isinstance(value, dict):
        items = list(value.items())[: MAX_KEYS if is_free else None]
        return {
            name: FIXED.get(name, shortened(item, is_free=name in FREE_MAPS))
            for name, item in items
        }
    return value


async def _names(database: Database) -> dict[str, str]:
    case = await database.cases.find_one({"canonicalExecutionId": {"$ne": None}})
    ingestion = await database.ingestions.find_one({})
    assert case is not None
    assert ingestion is not None
    builds = await database.builds.find({"name": "hdf5", "status": "success"})
    build_ids = {build["specHash"]: build["_id"] for build in builds}
    failed = await database.builds.find({"status": "failed"})
    (lockfile,) = await database.spec_files.find({})
    execution = await database.executions.find_one(
        {"caseId": case["_id"], "executionId": {"$ne": case["canonicalExecutionId"]}}
    )
    return {
        "caseId": case["_id"],
        "executionId": case["canonicalExecutionId"],
        "other": execution["executionId"] if execution else case["canonicalExecutionId"],
        "ingestionId": ingestion["_id"],
        "digest": lockfile["digest"],
        "hash": hash_of("netcdf-c", FIRST_STACK),
        "otherHash": hash_of("netcdf-c", SECOND_STACK),
        "buildId": build_ids[hash_of("hdf5", FIRST_STACK)],
        "session": failed[0]["session"],
        "otherBuildId": build_ids[hash_of("hdf5", SECOND_STACK)],
    }


async def _write(home: Path) -> None:
    settings = Settings(home=home / "home")
    tree = write_files(home / "archive", (*sample_files(cases=2), *build_files()))
    async with open_database(settings) as database:
        options = ImportOptions(source_name="performance_archive", ingestion_id=INGESTION)
        await import_paths(database, [tree], options)
        examples = await read_examples(database)
    form = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    text = orjson.dumps(examples, option=form).replace(bytes(tree), b"/archive")
    EXAMPLES_FILE.write_bytes(text)


def main() -> None:
    """Write the examples down."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        with embedded_server(Settings(home=home / "home")):
            asyncio.run(_write(home))


if __name__ == "__main__":
    main()
