"""Every example of docs/api.md works, and every way to ask is in it."""

import re

import pytest
from httpx2 import AsyncClient

from api.app import create_app
from models.settings import Settings
from tests.support.documents import filled, shown
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

TEXT = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```http\n(.*?)```", TEXT, re.DOTALL)
GETS = [line[4:] for block in BLOCKS for line in block.splitlines() if line.startswith("GET ")]
POSTS = [block[5:].split("\n", 1) for block in BLOCKS if block.startswith("POST ")]


@pytest.mark.slow
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


@pytest.mark.slow
def test_every_route_is_listed() -> None:
    listed = set(re.findall(r"^\| `([A-Z]+ /\S*)` \|", TEXT, re.MULTILINE))
    paths = create_app(Settings()).openapi()["paths"]
    assert listed == {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, operations in paths.items()
        for method in operations
        if path.startswith("/api")
    }
