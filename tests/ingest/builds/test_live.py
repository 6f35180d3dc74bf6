"""Builds are reported step by step, by their owner, and any step may come again."""

from collections.abc import AsyncIterator

import pytest
from pydantic import ValidationError

from ingest.builds.live import (
    attach_log,
    begin_build,
    change_build,
    report_phase,
)
from ingest.builds.recording import record_build
from models.builds.log import read_log
from models.builds.report import BuildChange, NewBuild, PhaseReport
from models.database.client import Database
from models.errors import NotOwnerError
from tests.support.build_observations import of_tree, only, record_spec
from tests.support.build_reports import HASH, OTHER
from tests.support.executions import packed
from tests.support.install_trees import FAILED, SECRET

STARTED = "2026-01-02T03:04:05.5"


def new(spec_hash: str = HASH, **fields: object) -> NewBuild:
    return NewBuild.model_validate({"specHash": spec_hash, "name": "p", **fields})


async def test_a_build_that_begins_again_is_the_same(database: Database) -> None:
    first = await begin_build(database, new(startedLocal=STARTED), "me")
    again = await begin_build(database, new(startedLocal=STARTED), "me")
    assert (first[1], again) == (True, (first[0], False))
    keyed = [await begin_build(database, new(key="job 7"), "me") for _ in range(2)]
    assert keyed[0][0] == keyed[1][0]
    assert await begin_build(database, new(), "me") != await begin_build(database, new(), "me")


async def test_phases_and_outcome_are_recorded(database: Database) -> None:
    own_id, _ = await begin_build(database, new(), "me")
    for status in ("running", "failed", "failed"):
        await report_phase(database, own_id, "build", PhaseReport(status=status, seconds=2), "me")
    entry = {"path": "lib/x", "type": "file", "size": 3}
    change = BuildChange.model_validate({"status": "failed", "seconds": 4.5, "manifest": [entry]})
    await change_build(database, own_id, change, "me")
    build = await only(database)
    assert (build["status"], build["failedPhase"], build["seconds"]) == ("failed", "build", 4.5)
    assert [(p["name"], p["status"], p["seconds"]) for p in build["phases"]] == [
        ("build", "failed", 2.0)
    ]
    assert (build["manifest"]["fileCount"], build["manifest"]["bytes"]) == (1, 3)
    revision = build["revision"]
    await change_build(database, own_id, change, "me")
    assert (await only(database))["revision"] == revision


async def test_nobody_else_may_report(database: Database) -> None:
    own_id, _ = await begin_build(database, new(startedLocal=STARTED), "me")
    with pytest.raises(NotOwnerError):
        await change_build(database, own_id, BuildChange(status="failed"), "you")
    with pytest.raises(NotOwnerError):
        await begin_build(database, new(startedLocal=STARTED), "you")
    assert await change_build(database, "x", BuildChange(status="failed"), "me") is None


async def test_a_failure_cancels_what_waits_for_it(database: Database) -> None:
    await record_spec(database, OTHER, HASH)
    waiting, _ = await begin_build(database, new(OTHER, session="s", status="not_run"), "me")
    failing, _ = await begin_build(database, new(session="s"), "me")
    await change_build(database, failing, BuildChange(status="failed"), "me")
    build = await database.builds.find_one({"_id": waiting})
    assert build is not None
    assert (build["status"], build["cancelledBy"]["buildId"]) == ("cancelled", failing)


@pytest.mark.parametrize("is_log_first", [True, False])
async def test_a_build_failed_where_its_log_ends(database: Database, is_log_first: bool) -> None:
    own_id, _ = await begin_build(database, new(), "me")

    async def send_log() -> None:
        await attach_log(database, own_id, "out", pieces(FAILED), "me")

    if is_log_first:
        await send_log()
    await change_build(database, own_id, BuildChange(status="failed"), "me")
    if not is_log_first:
        await send_log()
    build = await only(database)
    assert build["failedPhase"] == "build"
    assert [phase["status"] for phase in build["phases"]] == ["success", "failed"]
    await change_build(database, own_id, BuildChange(status="failed"), "me")
    assert (await only(database))["revision"] == build["revision"]


async def test_what_ended_otherwise_is_not_cancelled_any_more(database: Database) -> None:
    await record_spec(database, OTHER, HASH)
    waiting, _ = await begin_build(database, new(OTHER, session="s", status="not_run"), "me")
    failing, _ = await begin_build(database, new(session="s"), "me")
    await report_phase(database, failing, "build", PhaseReport(status="running"), "me")
    await change_build(database, failing, BuildChange(status="failed"), "me")
    for own_id in (failing, waiting):
        await change_build(database, own_id, BuildChange(status="success"), "me")
    for build in await database.builds.find({}):
        assert (build["status"], build["failedPhase"], build["cancelledBy"]) == (
            "success", None, None,
        )  # fmt: skip


async def test_what_is_planned_after_the_failure_is_cancelled_too(database: Database) -> None:
    await record_spec(database, OTHER, HASH)
    waiting, _ = await begin_build(database, new(OTHER, session="s", status="not_run"), "me")
    failing, _ = await begin_build(database, new(session="s", status="failed"), "me")
    planned = [
        (await begin_build(database, new(OTHER, session=session, status="not_run"), "me"))[0]
        for session in ("s", "t", None)
    ]
    found = {build["_id"]: build for build in await database.builds.find({})}
    assert [found[own]["status"] for own in planned] == ["cancelled", "not_run", "not_run"]
    for own_id in (waiting, planned[0]):
        assert found[own_id]["cancelledBy"]["buildId"] == failing


async def test_a_build_that_runs_is_not_cancelled(database: Database) -> None:
    await record_spec(database, OTHER, HASH)
    running, _ = await begin_build(database, new(OTHER, session="s"), "me")
    failing, _ = await begin_build(database, new(session="s"), "me")
    await change_build(database, failing, BuildChange(status="failed"), "me")
    build = await database.builds.find_one({"_id": running})
    assert build is not None
    assert (build["status"], build["cancelledBy"]) == ("running", None)


async def test_the_phases_of_a_report_and_of_a_log_stand_in_order(database: Database) -> None:
    own_id, _ = await begin_build(database, new(), "me")
    for name in ("stage", "configure"):
        await report_phase(database, own_id, name, PhaseReport(status="success"), "me")
    await attach_log(database, own_id, "out", pieces(FAILED), "me")
    names = [phase["name"] for phase in (await only(database))["phases"]]
    assert names == ["stage", "configure", "build"]


async def test_a_reported_build_that_is_imported_is_one(database: Database) -> None:
    await begin_build(database, new(startedLocal=STARTED, tags=["t"]), "me")
    assert await record_build(database, of_tree()) == "updated"
    build = await only(database)
    assert (build["status"], build["owner"], build["tags"]) == ("success", "me", ["t"])
    assert build["sources"] == ["install_tree", "live"]


async def test_nothing_secret_is_kept(database: Database) -> None:
    variables = {"SPACK_TOKEN": SECRET, "HOME": "/home/me", "CC": f"gcc {SECRET}"}
    await begin_build(database, new(variables=variables, configureArgs=[f"-D={SECRET}"]), "me")
    build = await only(database)
    assert SECRET not in str(build)
    assert set(build["variables"]) == {"CC"}


@pytest.mark.parametrize(
    "fields",
    [{"status": "odd"}, {"nonsense": 1}, {"startedLocal": "now"}, {"specHash": "x"}],
)
def test_what_is_no_report_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NewBuild.model_validate({"specHash": HASH, "name": "p", **fields})


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 100):
        yield content[start : start + 100]


async def test_a_log_adds_events_and_places_of_phases(database: Database) -> None:
    own_id, _ = await begin_build(database, new(), "me")
    await report_phase(database, own_id, "build", PhaseReport(status="failed", seconds=2), "me")
    for content in (FAILED, packed(FAILED)):
        assert await attach_log(database, own_id, "out", pieces(content), "me") is not None
    build = await only(database)
    assert [(p["name"], p["status"], p["seconds"]) for p in build["phases"]] == [
        ("configure", "success", 2.0), ("build", "failed", 2.0),
    ]  # fmt: skip
    (log,) = build["logs"]
    phase = build["phases"][-1]
    part = read_log(database.logs, log["digest"], phase["offset"], phase["end"])
    assert (await anext(part)).startswith(b"==> p: Executing phase: 'build'")
    assert build["errorCount"] == 3
    assert (build["status"], build["revision"]) == ("running", 3)
    assert await attach_log(database, "x", "out", pieces(b""), "me") is None
    with pytest.raises(NotOwnerError):
        await attach_log(database, own_id, "out", pieces(b""), "you")


async def test_a_time_that_is_written_in_another_way_is_the_same_build(database: Database) -> None:
    own_id, _ = await begin_build(database, new(startedLocal=STARTED), "me")
    again = await begin_build(database, new(startedLocal=f"{STARTED}00000"), "me")
    assert again == (own_id, False)


@pytest.mark.parametrize("moment", ["2026-13-42T03:04:05.5", "2026-02-30T03:04:05", "2026-01-02"])
def test_a_time_that_does_not_exist_is_refused(moment: str) -> None:
    with pytest.raises(ValidationError):
        new(startedLocal=moment)


def test_a_manifest_with_a_path_twice_is_refused() -> None:
    entry = {"path": "lib/x", "type": "file"}
    with pytest.raises(ValidationError, match="more than once"):
        BuildChange.model_validate({"manifest": [entry, entry]})


async def test_names_and_tags_are_stored_without_credentials(database: Database) -> None:
    token = "ghp_" + "aB3dEfGhIj" * 4
    told = new(tags=[token], session=f"s {token}", configureArgs=["--token", "hunter2hunter2"])
    own_id, _ = await begin_build(database, told, "me")
    await report_phase(database, own_id, f"build {token}", PhaseReport(status="running"), "me")
    await attach_log(database, own_id, f"log {token}", pieces(b"x\n"), "me")
    change = BuildChange(status="failed", failed_phase=f"build {token}", tags=[f"t {token}"])
    await change_build(database, own_id, change, "me")
    build = await only(database)
    assert "aB3" not in str(build)
    assert "hunter2" not in str(build)
    assert build["failedPhase"] == build["phases"][0]["name"] == "build ***"


async def test_a_phase_that_succeeds_at_last_is_not_the_failed_one(database: Database) -> None:
    own_id, _ = await begin_build(database, new(), "me")
    for status, failed in (("failed", "build"), ("success", None)):
        await report_phase(database, own_id, "build", PhaseReport(status=status), "me")
        assert (await only(database))["failedPhase"] == failed


async def test_a_cancelled_build_that_is_run_after_all_names_no_cause(database: Database) -> None:
    own_id, _ = await begin_build(database, new(status="not_run"), "me")
    cause = {"buildId": "x", "name": "p", "specHash": OTHER}
    change = {"$set": {"status": "cancelled", "cancelledBy": cause}}
    await database.builds.update({"_id": own_id}, change)
    await change_build(database, own_id, BuildChange(seconds=1), "me")
    assert (await only(database))["cancelledBy"] == cause
    await change_build(database, own_id, BuildChange(status="running"), "me")
    assert (await only(database))["cancelledBy"] is None
