"""Every example of docs/api.md works, and every way to ask is in it."""

import re
from pathlib import Path
from typing import Any

import pytest
from httpx2 import AsyncClient, Response

from api.app import create_app
from ingest.builds.identity import stamped_id
from ingest.sample.site import FIRST_STACK, SECOND_STACK
from models.settings import Settings
from tests.api.conftest import DEMO_CASES
from tests.archives import hash_of, key_of, sample_cases

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```http\n(.*?)```", TEXT, re.DOTALL)
GETS = [line[4:] for block in BLOCKS for line in block.splitlines() if line.startswith("GET ")]
POSTS = [block[5:].split("\n", 1) for block in BLOCKS if block.startswith("POST ")]


def filled(path: str, cases: int = DEMO_CASES, executions: int = 5) -> str:
    case = next(
        case
        for case in sample_cases(cases, executions)
        if case.canonical and len(case.executions) > 1
    )
    other = next(e.lid for e in case.executions if e.changes and not e.is_canonical)
    for name, value in (
        ("caseId", key_of(case).case_id),
        ("executionId", str(case.canonical)),
        ("otherExecutionId", other),
        ("buildId", stamped_id(hash_of("hdf5", FIRST_STACK), "2024-11-04T10:00:00.125")),
        ("otherBuildId", stamped_id(hash_of("hdf5", SECOND_STACK), "2025-01-03T09:44:00.125")),
        ("hash", hash_of("netcdf-c", FIRST_STACK)),
        ("otherHash", hash_of("netcdf-c", SECOND_STACK)),
    ):
        path = path.replace(f"{{{name}}}", value)
    return path


def shown(answer: Response) -> Any:
    """Return the items of a list, or the whole of another answer."""
    if answer.headers["content-type"] != "application/json":
        return answer.text.splitlines()[1:]
    document = answer.json()
    names = (name for name in ("items", "values", "cells") if name in document)
    return document[name] if (name := next(names, "")) else document


@pytest.mark.parametrize("path", GETS)
async def test_an_example_finds_something(demo_client: AsyncClient, path: str) -> None:
    answer = await demo_client.get(filled(path))
    assert answer.status_code == 200, answer.text
    assert shown(answer)


@pytest.mark.parametrize(("path", "body"), POSTS)
async def test_an_example_with_a_body_finds_something(
    demo_client: AsyncClient, path: str, body: str
) -> None:
    answer = await demo_client.post(path, content=body)
    assert answer.status_code == 200, answer.text
    assert shown(answer)


def test_every_route_is_listed() -> None:
    listed = set(re.findall(r"^\| `([A-Z]+ /\S*)` \|", TEXT, re.MULTILINE))
    paths = create_app(Settings()).openapi()["paths"]
    assert listed == {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, operations in paths.items()
        for method in operations
        if path.startswith("/api")
    }
