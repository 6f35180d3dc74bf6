"""The walk through SimBoard's features: every call of the page works, from top to bottom."""

import re
from pathlib import Path

from httpx2 import AsyncClient

from ingest.pipeline import ImportOptions, import_paths
from models.database import Database
from tests.api.test_docs import filled
from tests.api.test_writing import writer as writer

TEXT = (Path(__file__).parents[2] / "docs" / "coming-from-simboard.md").read_text("utf-8")
CALLS = re.findall(
    r"^(GET|POST|PATCH|PUT) (/\S+)\n((?:[{ ].*\n)*)",
    "".join(re.findall(r"```http\n(.*?)```", TEXT, re.DOTALL)),
    re.MULTILINE,
)


async def call(writer: AsyncClient, method: str, path: str, body: str) -> None:
    headers = {}
    if method in ("PATCH", "PUT"):
        case = "/".join(path.split("/")[:5])
        headers["If-Match"] = (await writer.get(case)).headers["ETag"]
    answer = await writer.request(method, path, content=body, headers=headers)
    assert answer.is_success, f"{method} {path}: {answer.text}"


async def test_every_call_of_the_page_works(
    writer: AsyncClient, database: Database, tree: Path
) -> None:
    assert len(CALLS) > 30
    await import_paths(database, [tree], ImportOptions())
    for method, path, body in CALLS:
        await call(writer, method, filled(path), filled(body))


async def test_what_is_filtered_by_there_can_be_filtered_by_here(client: AsyncClient) -> None:
    fields = {
        each["resource"]: {field["name"] for field in each["fields"] if field["filterable"]}
        for each in (await client.get("/api/v1/fields")).json()
    }
    assert fields["cases"] >= {
        "name", "caseGroup", "machine", "user", "simulationType", "campaign",
        "initializationType", "compiler", "gitTag", "updatedAt", "createdAt", "executionCount",
    }  # fmt: skip
    assert fields["executions"] >= {
        "caseId", "caseName", "caseGroup", "status", "simulationType", "machine", "user",
        "campaign", "experimentType", "compset", "gridName", "gridResolution",
        "initializationType", "compiler", "gitTag", "ingestionId", "executionId",
    }  # fmt: skip
