"""What specs cost: to upload one, to find some among many, to import a directory of them."""

import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from api.bench.scratch_database import empty_database, temporary_place
from ingest.importing import ImportOptions, import_paths
from ingest.sample.specs import SpecSampleOptions, made_bytes, made_document
from ingest.specs.upload import upload_specs
from models.database.client import Database
from models.database.writes import Insert, apply_writes
from models.settings import Settings
from models.spack.query import parse_query
from models.specs.search import spec_filter

Json = dict[str, Any]

_ASKED = "^zlib@1.2.11:1.2.13"
_BY_HAND: Json = {
    "dependencies": {
        "$elemMatch": {"name": "zlib", "versionKey": {"$gte": "a1.a2.b11-", "$lt": "a1.a2.b14-"}}
    }
}
_SHOWN = {"hash": 1, "name": 1, "version": 1}
_FIRST = 50
_DOCUMENTS_OF_UPLOAD = 64
_MADE_DOCUMENTS = 400


async def measure_specs(
    nodes: int, sizes: Sequence[int], corpus: Path | None, rounds: int
) -> dict[str, Any]:
    """Return the figures of an upload, of searches among so many specs, and of an import."""
    with temporary_place() as (settings, files):
        if corpus is None:
            corpus = files
            for number, made in enumerate(made_bytes(SpecSampleOptions(_MADE_DOCUMENTS))):
                (files / f"{number}.spec.json").write_bytes(made)
        return {
            "upload": await _measure_upload(settings, nodes, rounds),
            "search": await _measure_search(settings, sorted(sizes), rounds),
            "import": await _measure_import(settings, corpus),
        }


class _Statements:
    """Counts the commands that the driver sends."""

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()

    def command_ended(self, command: str, _seconds: float, *, failed: bool) -> None:
        """Count one command."""
        self.sent[f"{command}, failed" if failed else command] += 1

    def connection_waited(self, _seconds: float, *, failed: bool) -> None:
        """Take no notice."""

    def connections_changed(self, _opened: int, _used: int) -> None:
        """Take no notice."""


async def _measure_upload(settings: Settings, nodes: int, rounds: int) -> Json:
    """Upload a document that is new, and again; then insert the documents that came of it."""
    statements = _Statements()
    times: dict[str, list[float]] = {"new": [], "known": [], "insert": []}
    counted: dict[str, Json] = {}
    async with empty_database(settings, statements) as database:
        for number in range(rounds):
            data = json.dumps(made_document(nodes, number)).encode()
            for kind in ("new", "known"):
                statements.sent.clear()
                times[kind].append(await _timed(_upload(database, data)))
                counted[kind] = dict(statements.sent)
            documents = await database.specs.find({})
            await database.specs.delete({})
            inserts = [Insert(database.specs, each) for each in documents]
            written = await _timed(apply_writes(database.specs, inserts))
            times["insert"].append(written)
            await database.specs.delete({})
    seconds = {kind: min(found) for kind, found in times.items()}
    return {
        "nodes": nodes,
        "milliseconds": {kind: found * 1000 for kind, found in seconds.items()},
        "statements": {kind: {"all": sum(c.values()), **c} for kind, c in counted.items()},
        "newToInsert": seconds["new"] / seconds["insert"],
        "knownToInsert": seconds["known"] / seconds["insert"],
    }


async def _upload(database: Database, data: bytes) -> None:
    await upload_specs(database, data, "spec.json")


async def _measure_search(settings: Settings, sizes: Sequence[int], rounds: int) -> list[Json]:
    """Search among ever more specs; their documents come as they would from a site."""
    found = []
    documents = made_bytes(SpecSampleOptions(documents=2**62))
    async with empty_database(settings) as database:
        seconds = 0.0
        for size in sizes:
            while await database.specs.estimated_count() < size:
                data = b"".join(islice(documents, _DOCUMENTS_OF_UPLOAD))
                seconds += await _timed(_upload(database, data))
            stored = await _stored(database)
            figures = {**stored, "millisecondsToAdd": seconds * 1000 / stored["specs"]}
            found.append({**figures, **await _measure_query(database, rounds)})
    return found


async def _measure_query(database: Database, rounds: int) -> Json:
    async def ask(limit: int) -> list[Json]:
        query = await spec_filter(database, parse_query(_ASKED))
        return await database.specs.find(query, _SHOWN, limit=limit)

    async def by_hand(limit: int) -> list[Json]:
        return await database.specs.find(_BY_HAND, _SHOWN, limit=limit)

    assert await ask(0) == await by_hand(0)
    query = await spec_filter(database, parse_query(_ASKED))
    plan = await database.specs.explain(query, [])
    ran = plan["executionStats"]
    figures: Json = {
        "found": ran["nReturned"],
        "keysExamined": ran["totalKeysExamined"],
        "documentsExamined": ran["totalDocsExamined"],
        "indexes": sorted(_indexes(plan["queryPlanner"]["winningPlan"])),
    }
    for name, limit in (("all", 0), ("first", _FIRST)):
        ours, bare = await _raced(partial(ask, limit), partial(by_hand, limit), rounds)
        milliseconds = {"asked": ours * 1000, "byHand": bare * 1000}
        figures[name] = {"milliseconds": milliseconds, "askedToByHand": ours / bare}
    return figures


async def _measure_import(settings: Settings, corpus: Path) -> Json:
    options = ImportOptions(jobs=0)
    async with empty_database(settings) as database:
        times = []
        counts = []
        for _ in range(2):
            began = time.perf_counter()
            report = await import_paths(database, [corpus], options)
            times.append(time.perf_counter() - began)
            counts.append(report.record.counts)
        first, second = times
        stored = await _stored(database)
    return {
        "documents": counts[0].discovered,
        "rejected": counts[0].rejected,
        "unchangedAgain": counts[1].unchanged,
        "seconds": {"first": first, "second": second},
        "documentsPerSecond": counts[0].discovered / first,
        "nodesPerSecond": stored["specs"] / first,
        "secondToFirst": second / first,
        **stored,
    }


async def _stored(database: Database) -> Json:
    """Return how many specs are stored, and what each takes on disk."""
    await database.flush()
    specs, files = await database.specs.sizes(), await database.spec_files.sizes()
    count = specs["count"]
    return {
        "specs": count,
        "bytesPerSpec": {
            "data": specs["data"] / count,
            "indexes": specs["indexes"] / count,
            "files": files["data"] / count,
        },
    }


async def _raced(
    one: Callable[[], Awaitable[Any]], other: Callable[[], Awaitable[Any]], rounds: int
) -> tuple[float, float]:
    """Return the least seconds of each of two, which take turns."""
    pairs = [(await _timed(one()), await _timed(other())) for _ in range(rounds)]
    ours, others = zip(*pairs, strict=True)
    return min(ours), min(others)


async def _timed(work: Awaitable[Any]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


def _indexes(stage: Json) -> set[str]:
    """Return the names of the indexes that a plan uses, and of stages that read everything."""
    found = {stage["indexName"]} if "indexName" in stage else set()
    found |= {stage["stage"]} if stage.get("stage") == "COLLSCAN" else set()
    below = [stage.get("inputStage"), stage.get("queryPlan"), *stage.get("inputStages", ())]
    return found.union(*(_indexes(each) for each in below if each))
