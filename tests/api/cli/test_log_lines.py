"""Every line of a JSON log is JSON, whoever writes it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from models.settings import Settings

_SERVE = """
import asyncio, gc, logging, os, signal, sys, threading, warnings
from api.cli import serve as served
from api.cli import main

make = served.create_app

class Broken:
    def __del__(self):
        raise RuntimeError("in a finalizer")

def fail():
    raise RuntimeError("in a\\nthread")

async def fail_later():
    raise RuntimeError("in a task")

async def misbehave():
    warnings.warn("a\\nwarning of the interpreter", UserWarning)
    logging.getLogger("pymongo.topology").warning("of the\\ndriver")
    logging.getLogger().error("of the root %s")
    logging.getLogger("odd").error("%d", "no number")
    thread = threading.Thread(target=fail, name="a thread")
    thread.start()
    thread.join()
    task = asyncio.ensure_future(fail_later())
    await asyncio.sleep(0.1)
    del task
    broken = Broken()
    del broken
    gc.collect()
    os.kill(os.getpid(), signal.SIGINT)

def create_app(settings):
    app = make(settings)
    inner = app.router.lifespan_context
    from contextlib import asynccontextmanager
    @asynccontextmanager
    async def lifespan(app):
        async with inner(app) as state:
            app.state.misbehaving = asyncio.create_task(misbehave())
            yield state
    app.router.lifespan_context = lifespan
    return app

served.create_app = create_app
try:
    main()
except SystemExit:
    pass
raise RuntimeError("at the end")
"""

_WORKER = """
import asyncio, os, threading, warnings
from functools import partial
from ingest.cases.workers import _begin_worker
from ingest.concurrency.limits import Limits
from ingest.concurrency.worker_pool import WorkerCrashedError, WorkerPool
from models.log_lines import is_logging_json, log_as_json

class Unsendable(Exception):
    def __reduce__(self):
        raise RuntimeError("cannot be sent")

def work(number):
    warnings.warn("in a\\nworker", UserWarning)
    raise Unsendable

async def run():
    pool = WorkerPool(1, partial(_begin_worker, Limits(), as_json=is_logging_json()), "json")
    try:
        await pool.call(work, 1)
    except WorkerCrashedError:
        pass
    await pool.close()

if __name__ == "__main__":
    log_as_json()
    asyncio.run(run())
"""


def _lines(script: Path, *args: str, **settings: str) -> list[dict[str, Any]]:
    own = {f"CASELEDGER_{name}": value for name, value in settings.items()}
    ended = subprocess.run(
        [sys.executable, str(script), *args],
        env={**os.environ, "PYTHONPATH": str(Path.cwd()), **own},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return [json.loads(line) for line in ended.stderr.splitlines()]


@pytest.mark.slow
def test_all_that_a_server_writes_is_json(settings: Settings, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(_SERVE)
    own = {"HOME": str(settings.home), "DATABASE": settings.database, "LOG_FORMAT": "json"}
    lines = _lines(script, "serve", "--port", "0", **own)
    texts = [json.dumps(line) for line in lines]
    for expected in (
        "Uvicorn running on",
        "warning of the interpreter",
        "of the\\ndriver",
        "of the root %s",
        '"message": "%d"',
        "RuntimeError: in a\\nthread",
        "Task exception was never retrieved",
        "RuntimeError: in a finalizer",
        "Finished server process",
        "RuntimeError: at the end",
    ):
        assert [text for text in texts if json.dumps(expected)[1:-1] in text or expected in text]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)


@pytest.mark.slow
def test_an_error_at_the_start_is_json(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("from api.cli import main\nmain()\n")
    own = {"MONGODB_URL": "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100"}
    lines = _lines(script, "serve", "--port", "0", LOG_FORMAT="json", **own)
    assert [line["level"] for line in lines] == ["critical"]


@pytest.mark.slow
def test_so_is_what_worker_processes_write(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(_WORKER)
    lines = _lines(script)
    assert "in a\nworker" in lines[0]["message"]
    assert "cannot be sent" in lines[1]["traceback"]
