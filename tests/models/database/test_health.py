"""Servers that cannot be used are refused, with what to do about them."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient, MongoClient

from models.database.client import Database
from models.database.health import fault_of
from models.embedded.program import find_mongod
from models.settings import Settings
from tests.support.processes import free_port
from tests.support.rest import client_of


@contextmanager
def mongod(directory: Path, *options: str) -> Iterator[str]:
    """A mongod as somebody else may run it; give the beginning of its address."""
    port = free_port()
    process = subprocess.Popen(
        [find_mongod(Settings()), "--dbpath", str(directory), "--port", str(port),
         "--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25", *options],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        address = f"mongodb://127.0.0.1:{port}/"
        with MongoClient[dict[str, Any]](address, directConnection=True) as client:
            client.admin.command("ping")
        yield address
    finally:
        process.kill()
        process.wait()


@asynccontextmanager
async def unchecked(address: str) -> AsyncIterator[Database]:
    """A database whose server became unusable after it was opened."""
    driver: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(address)
    async with driver:
        yield Database(driver, "x", address, 1)


def run(command: list[str], address: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *command],
        env={"CASELEDGER_MONGODB_URL": address},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "advice"),
    [
        pytest.param([], "is not a replica set.*--replSet.*rs.initiate", id="standalone"),
        pytest.param(["--replSet", "x"], "does not exist yet: run rs.initiate", id="uninitiated"),
    ],
)
def test_a_server_that_is_no_replica_set_is_refused_at_start(
    tmp_path: Path, options: list[str], advice: str
) -> None:
    with mongod(tmp_path, *options) as address:
        others = [] if options else [["serve", "--port", "0"], ["import", str(tmp_path)]]
        for command in (*others, ["ingestions"]):
            told = run(command, address)
            assert told.returncode == 4, told.stderr
            assert told.stderr.startswith("caseledger: ")
            assert re.search(advice, told.stderr)
            assert "docs/operating.md" in told.stderr
        named = run(["ingestions"], f"{address}?replicaSet=x")
        assert named.returncode == 4
        assert "rs.initiate()" in named.stderr


@pytest.mark.parametrize(
    ("hello", "fault"),
    [
        pytest.param({"setName": "x", "isWritablePrimary": True}, None, id="primary"),
        pytest.param({"setName": "x", "isWritablePrimary": False}, "primary", id="secondary"),
        pytest.param({"isreplicaset": True}, "initiate", id="uninitiated"),
        pytest.param({"isWritablePrimary": True}, "not a replica set", id="standalone"),
        pytest.param({"isWritablePrimary": True, "msg": "isdbgrid"}, None, id="mongos"),
    ],
)
def test_a_server_is_judged_by_what_it_says(hello: dict[str, Any], fault: str | None) -> None:
    reason = fault_of(hello)
    assert reason is None if fault is None else fault in str(reason)


@pytest.mark.slow
async def test_readyz_says_why_the_database_cannot_be_used(
    tmp_path: Path,
) -> None:
    nowhere = f"mongodb://127.0.0.1:{free_port()}/"
    with mongod(tmp_path) as address:
        for url, reason in ((address, "not a replica set"), (nowhere, "cannot be reached")):
            async with unchecked(url) as other, client_of(other) as client:
                answer = await client.get("/readyz")
            assert answer.status_code == 503
            assert reason in answer.json()["detail"]
            assert answer.headers["retry-after"]
