"""The questions of the README across both sides, asked of what the demo shows."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from models.database.client import Database
from tests.support.documents import run
from tests.support.paths import ROOT
from tests.support.served import served

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
SECTION = TEXT.partition("\n### From a simulation to its software")[2].partition("\n## ")[0]
COMMANDS = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
ANSWERS = re.findall(r"```text\n(.*?)```", SECTION, re.DOTALL)

pytestmark = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("jq")), reason="curl or jq is not here"
)


@pytest.fixture
async def port(demo: Database) -> AsyncIterator[int]:
    """The service, on what the demo shows."""
    async with served(demo) as number:
        yield number


@pytest.mark.slow
async def test_the_questions_have_the_answers_that_stand_below_them(
    port: int, tmp_path: Path
) -> None:
    assert len(COMMANDS) == len(ANSWERS) >= 4
    script = "".join(COMMANDS).replace(":8000/", f":{port}/")
    assert await run(script, tmp_path) == "".join(ANSWERS)
