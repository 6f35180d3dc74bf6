"""Attempts are stored once, whatever they are read from, and nothing of them is lost."""

import asyncio
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from ingest.builds.document import MAX_EMBEDDED_EVENTS
from ingest.builds.logs.events import EventLimits, LogEvent
from ingest.builds.observation import ObservedBuild
from ingest.builds.recording import record_build
from models.builds.log import read_log
from models.builds.manifest import (
    MAX_PART_ENTRIES,
    manifests_with,
    read_manifest,
    remove_unused_manifests,
    store_manifest,
)
from models.builds.store import read_build, remove_unused
from models.database.client import Database
from models.database.collection import encoded_size
from models.errors import DatabaseError
from tests.support.build_observations import (
    builds,
    kept_events,
    of_junit,
    of_log,
    of_stage,
    of_tree,
    only,
    record_spec,
)
from tests.support.build_reports import HASH, OTHER
from tests.support.executions import packed
from tests.support.install_trees import FAILED, INSTALLED, LOG, NAME, SECRET


async def whole(database: Database, digest: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([piece async for piece in read_log(database.logs, digest, start, end)])


async def test_an_installation_is_one_document_with_what_its_files_tell(database: Database) -> None:
    assert await record_build(database, of_tree()) == "created"
    build = await only(database)
    assert (build["specHash"], build["name"], build["version"]) == (HASH, "p", "1.2")
    assert (build["status"], build["failedPhase"], build["seconds"]) == ("success", None, 4.5)
    assert build["versionKey"] == "a1.a2-"
    assert [(p["name"], p["seconds"]) for p in build["phases"]] == [
        ("stage", 0.5), ("configure", 1.5), ("build", 2.5),
    ]  # fmt: skip
    assert build["host"]["hostname"] == "h"
    assert build["variables"] == {"CC": "/x/gcc"}
    assert build["configureArgs"] == ["--with-x=y"]
    assert build["testCounts"] == {"passed": 1}
    assert build["manifest"]["entryCount"] == 2
    assert (build["warningCount"], build["eventWords"]) == (
        1,
        ["configure", "mpi", "no", "warning"],
    )
    assert build["sources"] == ["install_tree"]


async def test_the_same_attempt_again_changes_nothing(database: Database) -> None:
    await record_build(database, of_tree())
    before = await only(database)
    assert await record_build(database, of_tree()) == "unchanged"
    assert await only(database) == before


async def test_a_log_is_given_back_whole_and_phase_by_phase(database: Database) -> None:
    await record_build(database, of_tree())
    build = await only(database)
    (log,) = build["logs"]
    assert await whole(database, log["digest"]) == LOG
    phase = build["phases"][2]
    part = await whole(database, log["digest"], phase["offset"], phase["end"])
    assert part == LOG[LOG.index(b"==> p: Executing phase: 'build'") :]
    assert (log["lines"], log["size"]) == (6, len(LOG))


async def test_a_log_is_stored_without_credentials_and_its_phases_are_found(
    database: Database,
) -> None:
    log = LOG.replace(b"no MPI", SECRET.encode())
    stage = {
        "spack-build-out.txt": log,
        "spack-build-env.txt": f"export A_TOKEN={SECRET};".encode(),
    }
    await record_build(database, of_stage(stage))
    build = await only(database)
    assert SECRET not in json.dumps(build, default=str)
    digest = build["logs"][0]["digest"]
    stored = await whole(database, digest)
    assert SECRET.encode() not in stored
    assert stored == LOG.replace(b"no MPI", b"***")
    phase = build["phases"][-1]
    assert (await whole(database, digest, phase["offset"])).startswith(
        b"==> p: Executing phase: 'b"
    )


OTHER_ACCOUNTS: dict[str, Callable[[], ObservedBuild]] = {
    "stage": of_stage,
    "log": of_log,
    "junit": of_junit,
}


@pytest.mark.parametrize("order", list(itertools.permutations(OTHER_ACCOUNTS)))
async def test_accounts_of_one_attempt_merge_in_any_order(
    database: Database, order: Sequence[str]
) -> None:
    outcomes = [await record_build(database, OTHER_ACCOUNTS[name]()) for name in order]
    assert outcomes[0] == "created"
    build = await only(database)
    assert build["sources"] == ["junit", "log", "stage"]
    assert build["status"] == "failed"
    assert build["failedPhase"] == "build"
    assert build["toldBy"] == {
        "course": "stage", "duration": "junit", "message": "junit", "variables": "stage",
        "version": "stage",
    }  # fmt: skip
    assert build["version"] == "1.2"
    assert build["message"].startswith("ProcessError: bad")
    assert [log["name"] for log in build["logs"]] == ["spack-build-out.txt"]


async def test_the_same_log_costs_once(database: Database) -> None:
    for account in OTHER_ACCOUNTS.values():
        await record_build(database, account())
    again = of_stage({"spack-build-out.txt": FAILED.replace(b"03:04", b"05:06")})
    await record_build(database, again)
    digests = {log["digest"] for build in await builds(database) for log in build["logs"]}
    stored = [name async for name in database.logs.unused(datetime.now(UTC) + timedelta(days=1))]
    assert sorted(digests) == stored
    assert len(stored) == 2


async def test_another_attempt_of_the_spec_is_another_document(database: Database) -> None:
    await record_build(database, of_log())
    await record_build(database, of_log(FAILED.replace(b"03:04", b"05:06"), "bbbbbbbb"))
    assert len(await builds(database)) == 2


async def test_an_attempt_without_a_time_is_known_by_its_log_and_host(database: Database) -> None:
    log = b"==> Fetching p\n==> Error: FetchError: no p\n"
    assert await record_build(database, of_log(log, "aaaaaaaa")) == "created"
    assert await record_build(database, of_junit(log)) == "updated"
    there = {"install_environment.json": b'{"hostname":"a"}', "spack-build-out.txt": log}
    here = {**there, "install_environment.json": b'{"hostname":"b"}'}
    for files in (there, here):
        assert await record_build(database, of_stage(files)) == "created"


async def test_concurrent_importers_make_one_document(database: Database) -> None:
    accounts = [account() for account in OTHER_ACCOUNTS.values()] * 4
    outcomes = await asyncio.gather(*(record_build(database, account) for account in accounts))
    assert outcomes.count("created") == 1
    assert (await only(database))["sources"] == ["junit", "log", "stage"]


async def test_what_is_said_over_rest_stays(database: Database) -> None:
    await record_build(database, of_log())
    change = {"$set": {"owner": "me", "extra": {"a": 1}, "tags": ["t"]}, "$inc": {"revision": 1}}
    await database.builds.update({}, change)
    await record_build(database, replace(of_stage(), tags=("u",)))
    build = await only(database)
    assert (build["owner"], build["extra"], build["tags"]) == ("me", {"a": 1}, ["t", "u"])


async def test_a_dry_run_stores_nothing(database: Database) -> None:
    assert await record_build(database, of_tree(), dry_run=True) == "created"
    assert await builds(database) == []
    assert [n async for n in database.logs.unused(datetime.now(UTC) + timedelta(1))] == []


async def test_a_dry_run_tells_what_an_import_would(database: Database) -> None:
    await record_build(database, of_log())
    for expected in ("updated", "unchanged"):
        assert await record_build(database, of_stage(), dry_run=True) == expected
        assert await record_build(database, of_stage()) == expected


async def test_a_write_that_fails_leaves_no_log_behind(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> bool:
        raise DatabaseError("no")

    monkeypatch.setattr(Database, "write", fail)
    with pytest.raises(DatabaseError):
        await record_build(database, of_tree())
    assert [n async for n in database.logs.unused(datetime.now(UTC) + timedelta(1))] == []


async def test_what_no_build_names_is_removed_after_a_day(database: Database) -> None:
    await record_build(database, of_tree())
    later = datetime.now(UTC) + timedelta(days=2)
    assert await remove_unused(database, before=later) == 0
    await database.builds.delete({})
    assert await remove_unused(database) == 0
    assert await remove_unused(database, before=later) == 2
    assert await database.manifests.count({}) == 0


async def old_manifest(database: Database) -> tuple[list[dict[str, Any]], datetime]:
    """Store a manifest in two parts; return it, and a time before which it was last used."""
    entries: list[dict[str, Any]] = [
        {"path": f"f{number}", "type": "file"} for number in range(MAX_PART_ENTRIES + 1)
    ]
    await store_manifest(database, "d", entries)
    limit = datetime.now(UTC) - timedelta(days=1)
    await database.manifests.update_all({}, [{"$set": {"usedAt": limit - timedelta(days=1)}}])
    return entries, limit


async def test_a_manifest_that_is_stored_while_it_is_removed_stays(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries, limit = await old_manifest(database)
    delete = database.manifests.delete

    async def overtaken(query: dict[str, Any]) -> int:
        monkeypatch.undo()
        removed = await delete(query)
        await store_manifest(database, "d", entries)
        return removed

    monkeypatch.setattr(database.manifests, "delete", overtaken)
    assert await remove_unused_manifests(database, limit) == 1
    assert await database.manifests.count({}) == 2


async def test_all_parts_of_a_manifest_are_used_again(database: Database) -> None:
    entries, limit = await old_manifest(database)
    assert not await store_manifest(database, "d", entries)
    assert await remove_unused_manifests(database, limit) == 0
    assert await database.manifests.count({"usedAt": {"$gte": limit}}) == 2


async def test_chunks_without_their_log_are_removed(database: Database) -> None:
    await record_build(database, of_tree())
    logs = database.logs
    await logs._chunks.insert({"files_id": ObjectId(), "n": 0, "data": b""})
    later = datetime.now(UTC) + timedelta(days=2)
    assert await logs.delete_fragments(later) == 1
    assert await logs.delete_fragments(later) == 0


async def test_half_a_log_is_removed(database: Database) -> None:
    async def pieces() -> Any:
        yield b"x" * 2**19
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await database.logs.write(pieces(), lambda: ("d", {}))
    later = datetime.now(UTC) + timedelta(days=2)
    assert await database.logs.delete_fragments(later) == 0


def many_events(count: int, text: str = "x" * 2000) -> tuple[LogEvent, ...]:
    around = tuple("y" * 500 for _ in range(6))
    return tuple(
        LogEvent(
            "error" if number % 10 == 0 else "warning", "compiler", f"{number} {text}", number + 1,
            "build", before=around, after=around, log="spack-build-out.txt",
        )
        for number in range(count)
    )  # fmt: skip


def with_events(build: ObservedBuild, events: tuple[LogEvent, ...]) -> ObservedBuild:
    return replace(build, attempt=replace(build.attempt, events=events))


async def test_events_that_a_build_has_no_room_for_are_kept_apart(database: Database) -> None:
    events = many_events(EventLimits().events)
    await record_build(database, with_events(of_stage(), events))
    build = await only(database)
    assert encoded_size(build) < 2**20
    assert build["eventCount"] == len(events)
    assert 0 < len(build["events"]) < MAX_EMBEDDED_EVENTS
    assert {event["severity"] for event in build["events"]} == {"error"}
    found = await kept_events(database, build["_id"])
    assert [event.log_line for event in found] == [event.log_line for event in events]


async def test_events_apart_are_those_of_the_better_account(database: Database) -> None:
    await record_build(database, with_events(of_log(), many_events(500)))
    await record_build(database, with_events(of_stage(), many_events(30)))
    build = await only(database)
    assert len(await kept_events(database, build["_id"])) == 30
    assert await record_build(database, with_events(of_log(), many_events(500))) == "unchanged"
    assert len(await kept_events(database, build["_id"])) == 30


async def test_no_events_are_left_of_an_account_with_very_many(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.builds.document.MAX_PART_BYTES", 2**16)
    await record_build(database, with_events(of_log(), many_events(500)))
    assert await database.build_events.count({}) > 8
    await record_build(database, with_events(of_stage(), many_events(30)))
    assert len(await kept_events(database, (await only(database))["_id"])) == 30


@pytest.mark.slow
async def test_a_document_stays_small_whatever_comes(database: Database) -> None:
    files = {
        **INSTALLED,
        "spack-build-env.txt": b"".join(
            b"export SPACK_%d=%s;\n" % (number, b"\xf0\x9f\x98\x80" * 2**13) for number in range(60)
        ),
        "spack-configure-args.txt": b"--with-x=y " * 2**15,
        "install-time-test-log.txt": b"".join(b"PASS: t%0200d\n" % n for n in range(12_000)),
    }
    await record_build(database, of_tree(files))
    build = await only(database)
    assert encoded_size(build) < 8 * 2**20
    assert {p["file"] for p in build["problems"]} == {"variables", "configureArgs", "tests"}
    assert build["testCounts"] == {"passed": 12_000}


def tree_with(count: int) -> ObservedBuild:
    entries = {
        f"/opt/{NAME}/lib/d{number // 500}/f{number}.h": {"mode": 0o100644, "size": 1, "hash": "A"}
        for number in range(count)
    }
    manifest = {f"/opt/{NAME}/.spack": {"mode": 0o40755}, **entries}
    return of_tree({**INSTALLED, "install_manifest.json": json.dumps(manifest).encode()})


@pytest.mark.slow
async def test_a_build_is_found_by_any_file_of_a_large_manifest(database: Database) -> None:
    await record_build(database, tree_with(20_000))
    manifest = (await only(database))["manifest"]
    assert (manifest["entryCount"], manifest["fileCount"]) == (20_001, 20_000)
    digest = manifest["digest"]
    paths = [entry["path"] async for entry in read_manifest(database, digest)]
    assert len(paths) == 20_001
    assert paths == sorted(paths)
    assert await manifests_with(database, path="lib/d7/f3999.h") == [digest]
    assert await manifests_with(database, path="lib/d7/f39*") == [digest]
    assert await manifests_with(database, path="lib/d7/f39*", content="B") == []
    assert await manifests_with(database, content="A") == [digest]
    assert await manifests_with(database, path="lib/d7/g*") == []


async def test_two_builds_that_installed_the_same_share_a_manifest(database: Database) -> None:
    await record_build(database, of_tree())
    other = {**INSTALLED, "spack-build-out.txt.gz": packed(LOG.replace(b"03:04", b"05:06"))}
    await record_build(database, of_tree(other))
    assert len({build["manifest"]["digest"] for build in await builds(database)}) == 1
    assert await database.manifests.count({}) == 1


def waiting(spec_hash: str, session: str = "s") -> ObservedBuild:
    spec = replace(of_log().attempt.spec, hash=spec_hash)  # type: ignore[type-var]
    attempt = replace(of_log().attempt, spec=spec, status="not_run", logs=(), events=(), phases=(),
                      failed_phase=None, started=None, ended=None)  # fmt: skip
    return ObservedBuild(attempt, "report", session=session)


async def test_a_failure_cancels_its_dependents_of_the_same_session_only(
    database: Database,
) -> None:
    beside, elsewhere = "c" * 32, "d" * 32
    await record_spec(database, OTHER, HASH)
    await record_spec(database, elsewhere, HASH)
    await record_spec(database, beside)
    await record_spec(database, HASH, "e" * 32)
    for build in (waiting(OTHER), waiting(beside), waiting("e" * 32), waiting(elsewhere, "t")):
        await record_build(database, build)
    await record_build(database, replace(of_log(), session="s"))
    by_spec = {build["specHash"]: build for build in await builds(database)}
    statuses = {own: build["status"] for own, build in by_spec.items()}
    assert statuses == {
        HASH: "failed", OTHER: "cancelled", beside: "not_run", "e" * 32: "not_run",
        elsewhere: "not_run",
    }  # fmt: skip
    cause = {"buildId": by_spec[HASH]["_id"], "name": "p", "specHash": HASH}
    assert by_spec[OTHER]["cancelledBy"] == cause


async def test_what_a_report_says_was_not_run_names_its_cause(database: Database) -> None:
    failed = replace(of_log(), session="s")
    await record_build(database, failed)
    await record_build(database, replace(waiting(OTHER), cause=failed))
    by_spec = {build["specHash"]: build for build in await builds(database)}
    assert by_spec[OTHER]["status"] == "cancelled"
    assert by_spec[OTHER]["cancelledBy"]["buildId"] == by_spec[HASH]["_id"]
    assert await record_build(database, replace(waiting(OTHER), cause=failed)) == "unchanged"


async def test_an_unknown_build_is_not_there(database: Database) -> None:
    assert await read_build(database, "x") is None
