"""Every example of docs/api.md works, and every way to ask is in it."""

import re
from pathlib import Path

import pytest
from httpx2 import AsyncClient

from api.app import create_app
from ingest.builds.identity import stamped_id
from models.settings import Settings
from tests.api.conftest import BUILT, BUILT_LATER, MADE_SPECS
from tests.archives import key_of, sample_cases
from tests.ingest.builds.reports import HASH

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```http\n(.*?)```", TEXT, re.DOTALL)
GETS = [line[4:] for block in BLOCKS for line in block.splitlines() if line.startswith("GET ")]
POSTS = [block[5:].split("\n", 1) for block in BLOCKS if block.startswith("POST ")]


def filled(path: str) -> str:
    case = next(case for case in sample_cases() if case.canonical and len(case.executions) > 1)
    other = next(e.lid for e in case.executions if e.changes and not e.is_canonical)
    for name, value in (
        ("caseId", key_of(case).case_id),
        ("executionId", str(case.canonical)),
        ("otherExecutionId", other),
        ("buildId", stamped_id(HASH, BUILT)),
        ("otherBuildId", stamped_id(HASH, BUILT_LATER)),
        ("hash", MADE_SPECS[0]["spec"]["nodes"][0]["hash"]),
        ("otherHash", MADE_SPECS[1]["spec"]["nodes"][0]["hash"]),
    ):
        path = path.replace(f"{{{name}}}", value)
    return path


@pytest.mark.parametrize("path", GETS)
async def test_an_example_works(client: AsyncClient, path: str) -> None:
    answer = await client.get(filled(path))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(("path", "body"), POSTS)
async def test_an_example_with_a_body_works(client: AsyncClient, path: str, body: str) -> None:
    answer = await client.post(path, content=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["items"]


def test_every_route_is_listed() -> None:
    listed = set(re.findall(r"^\| `([A-Z]+ /\S*)` \|", TEXT, re.MULTILINE))
    paths = create_app(Settings()).openapi()["paths"]
    assert listed == {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, operations in paths.items()
        for method in operations
        if path.startswith("/api")
    }
