"""One failed build that several sources describe, in every order of any two or three of them.

The stage, its log, a JUnit report, the beginning of a report over REST, and the spec itself: what
is recorded in the end is the same.
"""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from itertools import combinations, permutations
from typing import Any

import pytest

from ingest.builds.live import attach_log, begin_build, change_build, report_phase
from ingest.builds.recording import record_build
from models.builds.build import BuildHost
from models.builds.report import BuildChange, NewBuild, PhaseReport
from models.database.client import Database
from models.software.builds import describe_builds
from tests.support.build_observations import of_junit, of_log, of_stage, of_tree
from tests.support.build_reports import HASH
from tests.support.install_trees import FAILED

Source = Callable[[Database], Awaitable[Any]]

pytestmark = pytest.mark.slow


async def _stage(database: Database) -> None:
    await record_build(database, replace(of_stage(), tags=("stage",)))


async def _tree(database: Database) -> None:
    await record_build(database, replace(of_tree(), tags=("tree",)))


async def _log(database: Database) -> None:
    await record_build(database, of_log())


async def _junit(database: Database) -> None:
    await record_build(database, replace(of_junit(), session="junit", tags=("nightly",)))


async def _reported(database: Database) -> None:
    host = BuildHost(hostname="login7")
    new = NewBuild(
        spec_hash=HASH, started_local="2026-01-02T03:04:05.5", host=host, name="p",
        session="pipeline", tags=["mine"], extra={"a": 1}, configure_args=["--with-z"],
    )  # fmt: skip
    await begin_build(database, new, "ci")


async def _finished(database: Database) -> None:
    """Report a build as it goes on: phases, the log, and how it ended."""
    new = NewBuild(spec_hash=HASH, started_local="2026-01-02T03:04:05.5", name="p", tags=["mine"])
    build_id, _ = await begin_build(database, new, "ci")
    await report_phase(
        database, build_id, "configure", PhaseReport(status="success", seconds=9), "ci"
    )

    async def pieces() -> AsyncIterator[bytes]:
        yield FAILED

    await attach_log(database, build_id, "build.log", pieces(), "ci")
    await change_build(database, build_id, BuildChange(status="failed", message="no"), "ci")


async def _spec(database: Database) -> None:
    spec = {"_id": HASH, "hash": HASH, "hashes": [HASH], "name": "p", "version": "1.2",
            "versionKey": "a1.a2-", "dependencies": [], "tombstone": None}  # fmt: skip
    await database.specs.insert(spec)
    await describe_builds(database, [HASH])


SOURCES: dict[str, Source] = {
    "stage": _stage, "tree": _tree, "log": _log, "junit": _junit, "reported": _reported,
    "spec": _spec, "finished": _finished,
}  # fmt: skip
_HIDDEN = {"createdAt": 0, "updatedAt": 0, "revision": 0}


async def recorded(database: Database, order: tuple[str, ...]) -> list[dict[str, Any]]:
    for collection in (database.builds, database.specs, database.build_events):
        await collection.delete({})
    for name in order:
        await SOURCES[name](database)
    return await database.builds.find({}, _HIDDEN)


@pytest.mark.parametrize(
    "subset",
    [
        subset
        for size in (2, 3)
        for subset in combinations(SOURCES, size)
        if not {"reported", "finished"} <= set(subset)
    ],
)
async def test_the_order_of_sources_does_not_matter(
    database: Database, subset: tuple[str, ...]
) -> None:
    orders = list(permutations(subset))
    expected = await recorded(database, orders[0])
    assert len(expected) == (0 if subset == ("spec",) else 1)
    for order in orders[1:]:
        found = await recorded(database, order)
        diff = {k: (found[0].get(k), v) for k, v in expected[0].items() if found[0].get(k) != v}
        assert found == expected, (order, diff)
    (build,) = expected
    if "finished" in subset:
        assert (build["owner"], build["message"]) == ("ci", "no")
    if "reported" in subset:
        assert (build["owner"], build["extra"]) == ("ci", {"a": 1})
        assert {"mine"} <= set(build["tags"])
    if "spec" in subset or {"stage", "tree", "log"} & set(subset):
        assert build["version"] == "1.2"


@pytest.mark.parametrize("report", ["reported", "finished"])
async def test_the_order_of_all_sources_does_not_matter(database: Database, report: str) -> None:
    names = ["stage", "tree", "log", "junit", "spec", report]
    expected = await recorded(database, tuple(names))
    for seed in range(6):
        random.Random(seed).shuffle(names)
        assert await recorded(database, tuple(names)) == expected, names
