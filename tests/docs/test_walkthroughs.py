"""What the documentation says of writing works, from top to bottom of each page."""

import re
from pathlib import Path

import pytest
from httpx2 import AsyncClient

from ingest.importing import ImportOptions, import_paths
from models.database.client import Database
from models.settings import Settings
from tests.support.documents import filled, shown
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

DOCS = ROOT / "docs"
_CALL = re.compile(r"^(GET|POST|PATCH|PUT|DELETE) (/\S+)\n((?:[{ ].*\n)*)", re.MULTILINE)
PAGES = [
    pytest.param("coming-from-simboard.md", "http", 30, id="simboard"),
    pytest.param("api.md", "write", 7, id="api"),
]


async def call(writer: AsyncClient, method: str, path: str, body: str) -> None:
    headers = {}
    if method in ("PATCH", "PUT"):
        case = "/".join(path.split("/")[:5])
        headers["If-Match"] = (await writer.get(case)).headers["ETag"]
    answer = await writer.request(method, path, content=body, headers=headers)
    assert answer.is_success, f"{method} {path}: {answer.text}"
    assert method != "GET" or shown(answer), path


@pytest.mark.slow
@pytest.mark.parametrize(("page", "kind", "least"), PAGES)
async def test_every_call_of_a_page_works(
    writer: AsyncClient, database: Database, tree: Path, page: str, kind: str, least: int
) -> None:
    blocks = re.findall(rf"```{kind}\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    calls = _CALL.findall("".join(blocks))
    assert len(calls) >= least
    await import_paths(database, [tree], ImportOptions())
    for method, path, body in calls:
        await call(writer, method, filled(path, 8, 3), filled(body, 8, 3))


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


def test_every_setting_is_documented() -> None:
    text = (DOCS.parent / "README.md").read_text("utf-8") + (DOCS / "operating.md").read_text(
        "utf-8"
    )
    names = {f"CASELEDGER_{name.upper()}" for name in Settings.model_fields}
    assert {name for name in names if f"`{name}`" not in text} == set()
