"""The questions of the README across both sides, asked of what the demo shows."""

import asyncio
import re
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn

from api.app import create_app
from models.database import Database
from models.settings import Settings
from tests.api.test_recipes import run

TEXT = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SECTION = TEXT.partition("\n### From a simulation to its software")[2].partition("\n### ")[0]
COMMANDS = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
ANSWERS = re.findall(r"```text\n(.*?)```", SECTION, re.DOTALL)

pytestmark = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("jq")), reason="curl or jq is not here"
)


@pytest.fixture
async def port(demo: Database) -> AsyncIterator[int]:
    """The service, on what the demo shows."""
    app = create_app(Settings())
    app.state.database = demo
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning"))
        task = asyncio.create_task(server.serve([listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield int(listening.getsockname()[1])
        server.should_exit = True
        await task


async def test_the_questions_have_the_answers_that_stand_below_them(
    port: int, tmp_path: Path
) -> None:
    assert len(COMMANDS) == len(ANSWERS) >= 4
    script = "".join(COMMANDS).replace(":8000/", f":{port}/")
    assert await run(script, tmp_path) == "".join(ANSWERS)
