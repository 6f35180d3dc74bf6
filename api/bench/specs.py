"""The cost of specs: to upload one, to find some among many, to import a directory of them."""

import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from api.bench.scratch_database import empty_database, temporary_server
from ingest.importing import ImportOptions, import_paths
from ingest.sample.specs import SpecSampleOptions, sample_bytes, sample_document
from ingest.specs.upload import upload_specs
from models.database.client import Database
from models.database.writes import Insert, apply_writes
from models.settings import Settings
from models.spack.query import parse_query
from models.specs.search import spec_filter

Json = dict[str, Any]

_QUERY_TEXT = "^zlib@1.2.11:1.2.13"
_HAND_WRITTEN_QUERY: Json = {
    "dependencies": {
        "$elemMatch": {
            "name": "zlib",
            "versionKey": {"$gte": "a1.a2.b11-", "$lt": "a1.a2.b14-"},
            "$or": [{"scope": "run"}, {"direct": True}],
        }
    }
}
_PROJECTION = {"hash": 1, "name": 1, "version": 1}
_FIRST_PAGE = 50
_DOCUMENTS_OF_UPLOAD = 64
_CORPUS_DOCUMENTS = 400


async def measure_specs(
    nodes: int, sizes: Sequence[int], corpus: Path | None, rounds: int
) -> dict[str, Any]:
    """Return the figures of uploads, of searches among `sizes` specs, and of imports of `corpus`.

    Without `corpus`, import generated documents. The fastest round counts.
    """
    with temporary_server() as (settings, files):
        if corpus is None:
            corpus = files
            for number, content in enumerate(sample_bytes(SpecSampleOptions(_CORPUS_DOCUMENTS))):
                (files / f"{number}.spec.json").write_bytes(content)
        return {
            "upload": await _measure_upload(settings, nodes, rounds),
            "search": await _measure_search(settings, sorted(sizes), rounds),
            "import": await _measure_import(settings, corpus),
        }


class _CommandCounter:
    """An observer of the driver that counts the commands which it sends."""

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()

    def command_ended(self, command: str, _seconds: float, *, failed: bool) -> None:
        """Count one command, a failed one separately."""
        self.sent[f"{command}, failed" if failed else command] += 1

    def connection_waited(self, _seconds: float, *, failed: bool) -> None:
        """Ignore this."""

    def connections_changed(self, _opened: int, _used: int) -> None:
        """Ignore this."""


async def _measure_upload(settings: Settings, nodes: int, rounds: int) -> Json:
    """Return the times of uploads and bare inserts, and the commands of an upload.

    Each round uploads a new document, uploads it again, and inserts the same nodes with the driver.
    """
    counter = _CommandCounter()
    times: dict[str, list[float]] = {"new": [], "known": [], "insert": []}
    commands: dict[str, Json] = {}
    async with empty_database(settings, counter) as database:
        for number in range(rounds):
            data = json.dumps(sample_document(nodes, number)).encode()
            for kind in ("new", "known"):
                counter.sent.clear()
                times[kind].append(await _seconds(_upload(database, data)))
                commands[kind] = dict(counter.sent)
            documents = await database.specs.find({})
            await database.specs.delete({})
            inserts = [Insert(database.specs, document) for document in documents]
            times["insert"].append(await _seconds(apply_writes(database.specs, inserts)))
            await database.specs.delete({})
    seconds = {kind: min(durations) for kind, durations in times.items()}
    return {
        "nodes": nodes,
        "milliseconds": {kind: least * 1000 for kind, least in seconds.items()},
        "statements": {kind: {"all": sum(c.values()), **c} for kind, c in commands.items()},
        "newToInsert": seconds["new"] / seconds["insert"],
        "knownToInsert": seconds["known"] / seconds["insert"],
    }


async def _upload(database: Database, data: bytes) -> None:
    await upload_specs(database, data, "spec.json")


async def _measure_search(settings: Settings, sizes: Sequence[int], rounds: int) -> list[Json]:
    """Return the figures of searches in a database that uploads make grow to each size."""
    figures = []
    documents = sample_bytes(SpecSampleOptions(documents=2**62))  # without end
    async with empty_database(settings) as database:
        seconds = 0.0
        for size in sizes:
            while await database.specs.estimated_count() < size:
                data = b"".join(islice(documents, _DOCUMENTS_OF_UPLOAD))
                seconds += await _seconds(_upload(database, data))
            stored = await _storage(database)
            stored["millisecondsToAdd"] = seconds * 1000 / stored["specs"]
            figures.append({**stored, **await _measure_query(database, rounds)})
    return figures


async def _measure_query(database: Database, rounds: int) -> Json:
    """Return the times of one query, as a ratio to the same query written by hand."""

    async def search(limit: int) -> list[Json]:
        query = await spec_filter(database, parse_query(_QUERY_TEXT))
        return await database.specs.find(query, _PROJECTION, limit=limit)

    async def by_hand(limit: int) -> list[Json]:
        return await database.specs.find(_HAND_WRITTEN_QUERY, _PROJECTION, limit=limit)

    found, expected = await search(0), await by_hand(0)
    assert {spec["_id"] for spec in found} == {spec["_id"] for spec in expected}
    query = await spec_filter(database, parse_query(_QUERY_TEXT))
    plan = await database.specs.explain(query, [])
    statistics = plan["executionStats"]
    figures: Json = {
        "found": statistics["nReturned"],
        "keysExamined": statistics["totalKeysExamined"],
        "documentsExamined": statistics["totalDocsExamined"],
        "indexes": sorted(_indexes(plan["queryPlanner"]["winningPlan"])),
    }
    for name, limit in (("all", 0), ("first", _FIRST_PAGE)):
        ours, bare = await _least_seconds(partial(search, limit), partial(by_hand, limit), rounds)
        milliseconds = {"asked": ours * 1000, "byHand": bare * 1000}
        figures[name] = {"milliseconds": milliseconds, "askedToByHand": ours / bare}
    return figures


async def _measure_import(settings: Settings, corpus: Path) -> Json:
    """Return the figures of a first and a second import of a path."""
    options = ImportOptions(jobs=0)
    async with empty_database(settings) as database:
        seconds = []
        counts = []
        for _ in range(2):
            began = time.perf_counter()
            report = await import_paths(database, [corpus], options)
            seconds.append(time.perf_counter() - began)
            counts.append(report.record.counts)
        first, second = seconds
        stored = await _storage(database)
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


async def _storage(database: Database) -> Json:
    """Return the number of specs, and the bytes that each takes on disk."""
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


async def _least_seconds(
    one: Callable[[], Awaitable[Any]], other: Callable[[], Awaitable[Any]], rounds: int
) -> tuple[float, float]:
    """Return the least seconds of each of two calls, which take turns."""
    pairs = [(await _seconds(one()), await _seconds(other())) for _ in range(rounds)]
    ours, others = zip(*pairs, strict=True)
    return min(ours), min(others)


async def _seconds(call: Awaitable[Any]) -> float:
    began = time.perf_counter()
    await call
    return time.perf_counter() - began


def _indexes(stage: Json) -> set[str]:
    """Return the names of the indexes that a plan uses, and COLLSCAN if it reads everything."""
    names = {stage["indexName"]} if "indexName" in stage else set()
    names |= {stage["stage"]} if stage.get("stage") == "COLLSCAN" else set()
    inputs = [stage.get("inputStage"), stage.get("queryPlan"), *stage.get("inputStages", ())]
    return names.union(*(_indexes(child) for child in inputs if child))
