"""The examples of the documentation, run."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from httpx2 import Response

from ingest.builds.identity import stamped_id
from ingest.sample.site import FIRST_STACK, SECOND_STACK
from tests.support.archives import hash_of, key_of, sample_cases
from tests.support.samples import DEMO_CASES

SESSION = "416d788e53b0249d798cb0c034334272"
"""The session of the report in the sample."""


async def run(command: str, directory: Path) -> str:
    process = await asyncio.create_subprocess_shell(
        command, cwd=directory, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(directory)},
    )  # fmt: skip
    output, problems = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, problems.decode()
    return output.decode()


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
        ("session", SESSION),
        ("hash", hash_of("netcdf-c", FIRST_STACK)),
        ("otherHash", hash_of("netcdf-c", SECOND_STACK)),
    ):
        path = path.replace(f"{{{name}}}", value)
    return path


def shown(answer: Response) -> Any:
    """Return the items of a list, or the whole of another answer."""
    kind = answer.headers["content-type"]
    if kind != "application/json" and "+json" not in kind:
        return answer.text.splitlines()[1:]
    document = answer.json()
    names = (name for name in ("items", "values", "cells") if name in document)
    return document[name] if (name := next(names, "")) else document
