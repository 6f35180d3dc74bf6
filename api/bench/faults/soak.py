"""An hour of mixed requests by many clients: errors, latencies, and the memory of the service."""

import asyncio
import random
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from api.bench.faults.client import Client, Tally
from api.bench.faults.memory import by_part, sampled_memory, slope
from api.bench.faults.writers import KINDS, Writer
from api.bench.service import running_service
from api.bench.synthetic_cases import fill
from models.connection import open_database
from models.embedded.server import embedded_server
from models.settings import Settings
from models.tokens.store import create_token

_READERS_TO_WRITERS = 4
_PARTS = 10
_MAX_SLOPE = 1.0
_SAMPLES = 200
_DUE = "pipeline 503"
"""More pipelines at the same time than CASELEDGER_AGGREGATE_JOBS are refused."""

Request = Callable[[Client, random.Random], None]


def measure_soak(seconds: float, clients: int, executions: int, pause: float) -> dict[str, Any]:
    """Return statuses and times by kind of request, and how memory grew in each tenth.

    One client in five writes. The writers begin with the synthetic cases already recorded.
    """
    with tempfile.TemporaryDirectory(prefix="caseledger-soak-") as directory:
        settings = Settings(
            mongodb_url=None, mongodb_url_file=None, home=Path(directory), mongod_cache_gb=1
        )
        with embedded_server(settings):
            token, reader = asyncio.run(_prepare(settings, executions))
            with running_service(settings, token) as service:
                tally = Tally()
                with sampled_memory(service.pid) as samples:
                    _run(service.port, token, tally, reader, (seconds, clients, pause))
    second_half = samples[len(samples) // 2 :]
    growth = slope(second_half)
    errors = tally.other_than()
    errors.pop(_DUE, None)
    failures = [f"{count} answers: {kind}" for kind, count in errors.items()]
    if growth >= _MAX_SLOPE:
        failures.append(f"memory grows by {growth:.1f} MiB a minute in the second half")
    return {
        "clients": clients,
        "minutes": round(samples[-1][0], 1),
        "answers": tally.statuses(),
        "firstErrors": tally.examples(),
        "milliseconds": tally.milliseconds(),
        "memory": by_part(samples, _PARTS),
        "MiBPerMinuteInSecondHalf": round(growth, 2),
        "failures": failures,
    }


class Reader:
    """Requests that only read, of all kinds, for what is in the database."""

    def __init__(self, cases: list[dict[str, Any]]) -> None:
        self._cases = cases
        self.kinds: Mapping[str, tuple[int, Request]] = {
            "list": (20, self._list),
            "filter": (20, self._filter),
            "by id": (40, self._by_id),
            "search": (8, self._search),
            "query": (5, self._query),
            "pipeline": (5, self._pipeline),
            "export": (1, self._export),
            "facets": (2, self._facets),
        }

    def read(self, client: Client, chance: random.Random) -> None:
        """Send a request of any kind."""
        weights = [weight for weight, _ in self.kinds.values()]
        _, request = chance.choices(list(self.kinds.values()), weights)[0]
        request(client, chance)

    def _list(self, client: Client, chance: random.Random) -> None:
        resource = chance.choice(["cases", "executions", "specs", "builds"])
        client.send("list", "GET", f"/{resource}?limit=50")

    def _filter(self, client: Client, chance: random.Random) -> None:
        case = chance.choice(self._cases)
        sort = chance.choice(["-lidTime", "lidTime", "-changeCount"])
        machine, user = quote(case["machine"]), quote(case["user"])
        path = f"/executions?machine={machine}&user={user}&sort={sort}&limit=50"
        client.send("filter", "GET", path)

    def _by_id(self, client: Client, chance: random.Random) -> None:
        client.send("by id", "GET", f"/cases/{chance.choice(self._cases)['_id']}")

    def _search(self, client: Client, chance: random.Random) -> None:
        word = quote(chance.choice(self._cases)["name"][:12])
        client.send("search", "GET", f"/executions?q={word}&limit=20")

    def _query(self, client: Client, chance: random.Random) -> None:
        machine = chance.choice(self._cases)["machine"]
        tree = {
            "and": [{"field": "machine", "value": machine}, {"field": "status", "value": "failed"}]
        }
        client.send("query", "POST", "/query?limit=20", tree)

    def _pipeline(self, client: Client, chance: random.Random) -> None:
        machine = chance.choice(self._cases)["machine"]
        pipeline = [{"$match": {"machine": machine}}, {"$sortByCount": "$compset"}]
        client.send("pipeline", "POST", "/cases/aggregate", pipeline)

    def _export(self, client: Client, chance: random.Random) -> None:
        form = chance.choice(["csv", "ndjson"])
        client.send("export", "GET", f"/executions?format={form}&fields=executionId,machine,status")

    def _facets(self, client: Client, chance: random.Random) -> None:
        client.send("facets", "GET", f"/facets?field={chance.choice(['machine', 'compset'])}")


async def _prepare(settings: Settings, executions: int) -> tuple[str, Reader]:
    async with open_database(settings, create=False) as database:
        await fill(settings, database, executions, jobs=2)
        _, token = await create_token(database, "soak", ["admin"], "bench", None)
        fields = {"machine": 1, "user": 1, "name": 1}
        return token, Reader(await database.cases.find({}, fields, limit=_SAMPLES))


def _run(
    port: int, token: str, tally: Tally, reader: Reader, plan: tuple[float, int, float]
) -> None:
    """Let the clients send requests until the time is over."""
    seconds, clients, pause = plan
    ends = time.monotonic() + seconds

    def run(number: int) -> None:
        chance = random.Random(number)  # noqa: S311
        client = Client(port, token, tally)
        writer = _writer(client, number)
        while time.monotonic() < ends:
            if writer is None:
                reader.read(client, chance)
            else:
                writer.write()
            time.sleep(chance.uniform(0, 2 * pause))
        client.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _writer(client: Client, number: int) -> Writer | None:
    """Return a writer for one client in five, None for the others."""
    turn, rest = divmod(number, _READERS_TO_WRITERS + 1)
    return None if rest else KINDS[turn % len(KINDS)](client, number)
