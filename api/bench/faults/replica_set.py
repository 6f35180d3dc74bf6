"""A replica set whose members are killed, and whose primary steps down, under load."""

import asyncio
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from api.bench.faults.client import Client, Tally
from api.bench.faults.imports import Imports
from api.bench.faults.members import replica_set
from api.bench.faults.outcome import check_outcome
from api.bench.faults.writers import KINDS, Writer, seconds_until_written, writing
from api.bench.service import running_service
from models.connection import open_database
from models.settings import Settings
from models.tokens.store import create_token

_RECOVERY_SECONDS = 60.0
_CALM_SECONDS = 3.0


def measure_replica_set(seconds: float, writers: int, seed: int) -> dict[str, Any]:
    """Return what clients were answered during the faults, and what was lost, which is nothing."""
    chance = random.Random(seed)  # noqa: S311
    with tempfile.TemporaryDirectory(prefix="caseledger-faults-") as directory:
        root = Path(directory)
        with replica_set(root, chance) as members:
            settings = Settings(
                mongodb_url=SecretStr(members.url), mongodb_url_file=None, home=root / "home"
            )
            token = asyncio.run(admin_token(settings))
            imports = Imports(settings, root / "archive")
            with running_service(settings, token) as service:
                tally = Tally()
                clients = new_writers(service.port, token, tally, writers)
                faults: Counter[str] = Counter()
                recoveries: list[float | None] = []
                probe = Client(service.port, token, Tally())
                with writing(clients), imports.running():
                    ends = time.monotonic() + seconds
                    while time.monotonic() < ends:
                        time.sleep(_CALM_SECONDS)
                        faults[members.fault()] += 1
                        members.wait_for_primary()
                        recoveries.append(seconds_until_written(probe, _RECOVERY_SECONDS))
                outcome = check_outcome(settings, probe, tally, clients, imports)
    outcome["failures"] += ["no write within a minute"] if None in recoveries else []
    known = [each for each in recoveries if each is not None]
    return {
        "faults": dict(faults),
        "secondsToTheFirstWriteUnderANewPrimary": round(max(known, default=0.0), 2),
        **outcome,
    }


def new_writers(port: int, token: str, tally: Tally, count: int) -> list[Writer]:
    """Return `count` writers of each kind."""
    return [kind(Client(port, token, tally), number) for kind in KINDS for number in range(count)]


async def admin_token(settings: Settings) -> str:
    """Create the schema, and a token that may do everything; return the text of the token."""
    async with open_database(settings) as database:
        return (await create_token(database, "faults", ["admin"], "bench", None))[1]
