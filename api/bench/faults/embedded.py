"""The embedded server, whose mongod and whose keeper are killed under load."""

import asyncio
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from api.bench.faults.client import Client, Tally
from api.bench.faults.imports import Imports
from api.bench.faults.outcome import check_outcome
from api.bench.faults.replica_set import admin_token, new_writers
from api.bench.faults.writers import seconds_until_written, writing
from api.bench.service import running_service
from models.embedded.server import embedded_server, server_status
from models.errors import ServerError
from models.settings import Settings

_RECOVERY_SECONDS = 30.0


def measure_embedded(rounds: int, writers: int, seed: int) -> dict[str, Any]:
    """Return how soon writes went well again after each kill, and what was lost, which is nothing.

    When a kill ends writing for good, the rounds end there, and the outcome is that of a new start.
    """
    chance = random.Random(seed)  # noqa: S311
    with tempfile.TemporaryDirectory(prefix="caseledger-faults-") as directory:
        root = Path(directory)
        settings = Settings(mongodb_url=None, mongodb_url_file=None, home=root / "home")
        with _started(settings):
            token = asyncio.run(admin_token(settings))
            imports = Imports(settings, root / "archive")
        tally, kills = Tally(), Counter[str]()
        recoveries: list[float | None] = []
        with running_service(settings, token) as service:
            clients = new_writers(service.port, token, tally, writers)
            probe = Client(service.port, token, Tally())
            with writing(clients), imports.running():
                while len(recoveries) < rounds and None not in recoveries:
                    time.sleep(chance.uniform(0.5, 2))
                    kills[_kill(settings, chance)] += 1
                    recoveries.append(seconds_until_written(probe, _RECOVERY_SECONDS))
        with _started(settings), running_service(settings, token) as again:
            for writer in clients:
                writer.client = Client(again.port, token, Tally())
            last = Client(again.port, token, Tally())
            outcome = check_outcome(settings, last, tally, clients, imports)
    known = sorted(each for each in recoveries if each is not None)
    if None in recoveries:
        outcome["failures"].append(f"no write within {_RECOVERY_SECONDS:g} s after a kill")
    return {
        "rounds": len(recoveries),
        "kills": dict(kills),
        "recoveredSeconds": {
            "median": round(known[len(known) // 2], 2) if known else None,
            "longest": round(known[-1], 2) if known else None,
        },
        **outcome,
    }


@contextmanager
def _started(settings: Settings) -> Iterator[None]:
    with embedded_server(settings):
        yield


def _kill(settings: Settings, chance: random.Random) -> str:
    """Kill the mongod, its keeper, or both, with SIGKILL; return which."""
    kind = chance.choice(["mongod", "keeper", "both"])
    try:
        status = server_status(settings)
    except ServerError:
        return "nothing: no server"
    victims = {"mongod": [status.mongod_pid], "keeper": [status.keeper_pid]}
    for pid in victims.get(kind, [status.keeper_pid, status.mongod_pid]):
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    return kind
