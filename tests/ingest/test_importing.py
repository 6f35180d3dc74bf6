import asyncio
import gzip
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from backports import zstd
from pymongo.errors import OperationFailure

from ingest.cases.sources.open import open_source
from ingest.importing import Budgets, ImportOptions, Report, Shard, import_paths
from ingest.sample import DERIVED, SampleCase, SampleFile, write_files
from models.configuration.delta import flatten_delta
from models.connection import open_database
from models.database.client import Database
from models.database.collection import Collection
from models.database.writes import Write, apply_writes
from models.errors import DamagedError, DatabaseError
from models.ingestions.ingestion import Counts, IngestionRecord
from models.settings import Settings
from tests.support.archives import (
    directories,
    dump,
    key_of,
    sample,
    sample_cases,
    sample_files,
)
from tests.support.executions import KEY, entry, env_xml, execution_files, group, packed


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("archive"), sample_files())


async def run(database: Database, *paths: Path, **options: Any) -> Report:
    """Import in this process, which takes less time than to start others."""
    return await import_paths(database, list(paths), ImportOptions(**{"jobs": 0} | options))


async def read_case(database: Database, case: SampleCase) -> dict[str, Any]:
    found = await database.cases.find_one({"_id": key_of(case).case_id})
    assert found is not None
    return found


def totals() -> dict[str, int]:
    executions = [e for case in sample_cases() for e in case.executions]
    complete = sum(e.complete for e in executions)
    return {"discovered": len(executions), "created": complete,
            "incomplete": len(executions) - complete}  # fmt: skip


@pytest.mark.slow
async def test_every_execution_of_the_archive_is_counted_once(
    database: Database, tree: Path
) -> None:
    report = await run(database, tree)
    assert report.record.counts == Counts(**totals())
    assert report.record.status == "completed"


@pytest.mark.slow
async def test_canonical_execution_and_outcomes_are_those_of_the_archive(
    database: Database, tree: Path
) -> None:
    await run(database, tree)
    for case in sample_cases():
        stored = await read_case(database, case)
        assert stored["canonicalExecutionId"] == case.canonical
        assert [e["executionId"] for e in stored["executions"]] == [e.lid for e in case.executions]
        for execution, truth in zip(stored["executions"], case.executions, strict=True):
            assert execution["complete"] == truth.complete
            if truth.complete:
                assert execution["status"] == truth.status
                assert execution["runStartLocal"] == truth.run_start
                assert execution["runEndLocal"] == truth.run_end
                assert execution["simulationStart"]["date"] == truth.simulation_start
                assert execution["simulationEnd"]["date"] == truth.simulation_end


@pytest.mark.slow
async def test_deltas_are_those_of_the_archive(database: Database, tree: Path) -> None:
    await run(database, tree)
    for case in sample_cases():
        stored = await read_case(database, case)
        for execution, truth in zip(stored["executions"], case.executions, strict=True):
            expected = {c.key: (c.canonical, c.current, c.group, c.kind) for c in truth.changes}
            found = _stored_changes(execution)
            logfiles = {key for key in found if key.endswith("_modelio.modelio.logfile")}
            assert {k: v for k, v in found.items() if k not in logfiles} == expected, truth.lid
            assert {found[key][2:] for key in logfiles} <= {("lifecycle", "expected")}


def _stored_changes(execution: dict[str, Any]) -> dict[str, tuple[Any, Any, str, str]]:
    return {
        key: (entry["canonical"], entry["current"], entry["class"], kind)
        for name, kind in (("runConfigDeltas", "configuration"), ("expectedVariation", "expected"))
        for key, entry in flatten_delta(execution[name] or {}).items()
    }


@pytest.mark.slow
async def test_a_change_that_shows_in_two_files_is_one_entry(
    database: Database, tree: Path
) -> None:
    await run(database, tree)
    shown: dict[str, str] = {}
    for case in sample_cases():
        for execution in (await read_case(database, case))["executions"]:
            changed = flatten_delta(execution["runConfigDeltas"] or {})
            expected = flatten_delta(execution["expectedVariation"] or {})
            for key, change in (changed | expected).items():
                shown |= dict.fromkeys(change.get("alsoIn", ()), key)
    assert {k: v for k, v in DERIVED.items() if k in shown}.items() <= shown.items()
    assert {"drv_in.cime_pes.atm_ntasks", "drv_in.seq_timemgr_inparm.stop_n"} <= shown.keys()
    assert shown["user_nl_eam.fincl2"] == "atm_in.cam_history_nl.fincl2"


async def test_later_executions_tell_what_became_of_those_that_left_no_status(
    database: Database, tree: Path
) -> None:
    await run(database, tree)
    told = 0
    for case in sample_cases():
        executions = (await read_case(database, case))["executions"]
        last = max((i for i, e in enumerate(case.executions) if e.complete), default=0)
        for execution, truth in list(zip(executions, case.executions, strict=True))[:last]:
            if not truth.complete:
                killed = truth.status in {"timeout", "cancelled"}
                assert execution["status"] == ("unknown" if killed else truth.status)
                told += not killed
                assert killed or execution["statusSource"].startswith("CaseStatus of ")
    assert told


async def test_a_snapshot_tells_how_the_scheduler_ended_a_job(
    database: Database, tmp_path: Path
) -> None:
    case, execution = next(
        (c, e) for c in sample_cases() for e in c.executions if e.status == "timeout"
    )
    files = directories(sample_files())[execution.path]
    write_files(tmp_path, files)
    await run(database, tmp_path)
    month = tmp_path / case.machine / "OLD_PERF" / "2025-01" / "performance_archive_2025_01_31"
    moved = month / "TIMEOUT" / case.user / case.name
    moved.mkdir(parents=True)
    shutil.move(tmp_path / execution.path, moved)
    report = await run(database, tmp_path)
    assert report.record.counts == Counts(discovered=1, updated=1)
    stored = (await read_case(database, case))["executions"]
    assert [(e["status"], e["statusSource"]) for e in stored] == [("timeout", "scheduler")]
    again = await run(database, tmp_path)
    assert again.record.counts.unchanged == 1


@pytest.mark.slow
async def test_a_case_without_success_has_no_canonical_execution_and_loses_nothing(
    database: Database, tree: Path
) -> None:
    await run(database, tree)
    case = next(case for case in sample_cases() if case.canonical is None)
    stored = await read_case(database, case)
    assert stored["canonicalExecutionId"] is None
    assert stored["configurationOf"] == case.executions[0].lid
    assert all(e["runConfigDeltas"] is None for e in stored["executions"])
    assert any(e["provisionalDeltas"] for e in stored["executions"])


@pytest.mark.slow
async def test_importing_again_writes_nothing(database: Database, tree: Path) -> None:
    await run(database, tree)
    before = await database.cases.find({}, sort=[("_id", 1)])
    again = await run(database, tree)
    assert again.record.counts.unchanged == again.record.counts.discovered
    assert await database.cases.find({}, sort=[("_id", 1)]) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["a.tar.gz", "a.tgz", "a.tar", "a.tar.zst", "a.tzst", "a.zip", "A.TAR.GZ"]
)
async def test_an_archive_file_gives_the_documents_of_its_tree(
    database: Database, settings: Settings, tree: Path, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name.lower()
    (sample().write_zip if name.endswith("zip") else sample().write_tar)(path)
    if name.endswith("zst"):
        path.write_bytes(zstd.compress(path.read_bytes()))
    path = path.rename(tmp_path / name)
    await run(database, path)
    other = settings.model_copy(update={"database": f"{settings.database}_t"})
    async with open_database(other) as second:
        await run(second, tree)
        expected = await dump(second)
        await second.drop()
    assert _without_paths(await dump(database)) == _without_paths(expected)


def _without_paths(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for case in cases:
        for execution in case.get("executions", [case.get("recorded", {})]):
            del execution["sourcePath"], execution["foundAt"], execution["filesModified"]
    return cases


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
async def test_an_import_may_point_anywhere_into_the_tree(
    database: Database, tree: Path, depth: int
) -> None:
    case = sample_cases()[0]
    part = "/".join(case.executions[-1].path.split("/")[:depth])
    await run(database, tree / part)
    stored = await read_case(database, case)
    assert (stored["machine"], stored["user"], stored["name"]) == (
        case.machine, case.user, case.name,
    )  # fmt: skip


@pytest.mark.slow
async def test_executions_may_come_one_by_one_in_any_order(
    database: Database, settings: Settings, tree: Path
) -> None:
    await run(database, tree)
    expected = await dump(database)
    other = settings.model_copy(update={"database": f"{settings.database}_o"})
    async with open_database(other) as second:
        for path in sorted(directories(sample_files()), key=lambda p: hash((p, 7))):
            await run(second, tree / path)
        found = await dump(second)
        await second.drop()
    assert found == expected


async def test_an_incomplete_execution_is_completed_when_its_files_are(
    database: Database, tmp_path: Path
) -> None:
    case = sample_cases()[0]
    execution = next(e for e in case.executions if e.lid == case.canonical)
    files = directories(sample_files())[execution.path]
    write_files(tmp_path, [f for f in files if "CaseStatus" not in f.path])
    first = await run(database, tmp_path)
    assert first.record.counts.incomplete == 1
    assert [p.file for p in first.record.problems] == ["CaseStatus"]
    write_files(tmp_path, files)
    second = await run(database, tmp_path)
    assert second.record.counts.updated == 1
    assert (await read_case(database, case))["canonicalExecutionId"] == execution.lid


async def test_a_recorded_execution_is_never_overwritten(
    database: Database, tmp_path: Path
) -> None:
    case = sample_cases()[0]
    execution = next(e for e in case.executions if e.lid == case.canonical)
    write_files(tmp_path, directories(sample_files())[execution.path])
    await run(database, tmp_path)
    before = await dump(database)
    env_run = next((tmp_path / execution.path).glob("CaseDocs*/env_run.xml*"))
    env_run.write_bytes(b"<file><group/></file>")
    again = await run(database, tmp_path)
    assert again.record.counts.unchanged == 1
    assert await dump(database) == before


def _without(files: list[SampleFile], *names: str) -> list[SampleFile]:
    return [file for file in files if not any(name in file.path for name in names)]


def _damaged(files: list[SampleFile], name: str) -> list[SampleFile]:
    return [replace(f, data=f.data[:200]) if f"{name}." in f.path else f for f in files]


@pytest.mark.slow
@pytest.mark.parametrize(
    "worse",
    [
        pytest.param(lambda files: _without(files, "CaseStatus"), id="incomplete"),
        pytest.param(lambda files: _without(files, "env_mach_pes", "env_workflow"), id="partial"),
        pytest.param(lambda files: _without(files, "cpl.log", "e3sm.log"), id="large files swept"),
        pytest.param(lambda files: _damaged(files, "env_mach_pes.xml"), id="damaged XML"),
        pytest.param(lambda files: _damaged(files, "atm_in"), id="damaged namelist"),
    ],
)
async def test_of_two_copies_the_better_one_stands_whichever_comes_first(
    database: Database,
    settings: Settings,
    tmp_path: Path,
    worse: Callable[[list[SampleFile]], list[SampleFile]],
) -> None:
    case = sample_cases()[0]
    execution = next(e for e in case.executions if e.lid == case.canonical)
    files = directories(sample_files())[execution.path]
    good = write_files(tmp_path / "good", files)
    bad = write_files(tmp_path / "bad", worse(files))
    await run(database, good)
    await run(database, bad)
    expected = await dump(database)
    other = settings.model_copy(update={"database": f"{settings.database}_w"})
    async with open_database(other) as second:
        await run(second, bad)
        await run(second, good)
        found = await dump(second)
        await second.drop()
    assert found == expected
    assert found[0]["canonicalExecutionId"] == execution.lid


@pytest.mark.parametrize("file", ["env_mach_pes", "atm_in", "env_workflow"])
async def test_a_file_that_is_not_there_is_no_change(
    database: Database, tmp_path: Path, file: str
) -> None:
    case = sample_cases()[0]
    lids = [e.lid for e in case.executions if e.complete]
    by_directory = directories(sample_files())
    paths = [e.path for e in case.executions if e.complete]
    write_files(tmp_path, _without(by_directory[paths[0]], file))
    for path in paths[1:]:
        write_files(tmp_path, by_directory[path])
    await run(database, tmp_path)
    stored = await read_case(database, case)
    assert stored["canonicalExecutionId"] == lids[0]
    for execution in stored["executions"][1:]:
        assert not [key for key in execution["changed"] if key.startswith(f"{file}.")]
        expected = flatten_delta(execution["expectedVariation"])
        unrecorded = {k for k, e in expected.items() if e["class"] == "unrecorded"}
        assert unrecorded
        assert {key.partition(".")[0] for key in unrecorded} == {file}


@pytest.mark.slow
@pytest.mark.parametrize("root", ["", "mybackup", "mybackup/performance_archive"])
async def test_a_directory_of_some_other_name_is_not_a_machine(
    database: Database, tmp_path: Path, root: str
) -> None:
    case = next(case for case in sample_cases() if case.machine == "chrysalis")
    write_files(tmp_path / "all", sample_files())
    shutil.move(tmp_path / "all" / case.machine, tmp_path / "in" / "mybackup")
    await run(database, tmp_path / "in" / root)
    assert await database.cases.count({"machine": {"$ne": "chrysalis"}}) == 0
    assert await database.cases.count({}) > 0


async def test_a_path_that_is_not_utf8_is_imported(database: Database, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"b\xff d\nx")
    write_files(odd, sample_files(cases=2))
    report = await run(database, odd)
    assert report.record.counts.created > 0
    assert "\\udcff" in report.record.source


@pytest.mark.slow
async def test_an_archive_with_a_wrong_checksum_is_not_trusted(
    database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "a.tar"
    sample().write_tar(path)
    packed = bytearray(gzip.compress(path.read_bytes(), 0))
    plain = next(f.data for f in sample_files() if "env_run.xml" in f.path and b"<entry" in f.data)
    packed[packed.index(plain[:1000]) + 500] ^= 1
    (tmp_path / "a.tar.gz").write_bytes(packed)
    report = await run(database, tmp_path / "a.tar.gz")
    assert report.unreadable == 1
    assert await database.cases.count({}) == 0


async def test_one_damaged_file_costs_its_execution_and_names_itself(
    database: Database, tmp_path: Path
) -> None:
    write_files(tmp_path, sample_files(cases=2))
    case = sample_cases(cases=2)[0]
    execution = next(e for e in case.executions if e.lid == case.canonical)
    env_run = next((tmp_path / execution.path).glob("CaseDocs*/env_run.xml*"))
    env_run.write_bytes(env_run.read_bytes()[:500])
    report = await run(database, tmp_path)
    own = [p for p in report.record.problems if p.path.endswith(execution.lid)]
    assert [(p.file or "").rpartition("/")[2] for p in own] == [env_run.name]
    assert own[0].reason == "truncated"
    stored = await read_case(database, case)
    assert stored["canonicalExecutionId"] not in {None, execution.lid}
    assert report.record.counts.rejected == 0


@pytest.mark.slow
async def test_a_truncated_archive_keeps_what_comes_before_the_cut(
    database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "cut.tar.gz"
    sample().write_tar(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    report = await run(database, path)
    assert report.unreadable == 1
    assert report.record.status == "partial"
    assert report.record.counts.created > 5
    assert {p.reason for p in report.record.problems} >= {"damaged_archive", "truncated"}
    cases = await database.cases.find({})
    assert all(c["canonicalExecutionId"] in {*_canonicals(), None} for c in cases)


def _canonicals() -> set[str | None]:
    return {case.canonical for case in sample_cases()}


@pytest.mark.slow
@pytest.mark.parametrize("form", ["tar", "tar.gz"])
async def test_an_archive_in_any_order_gives_the_documents_of_its_tree(
    database: Database, settings: Settings, tree: Path, tmp_path: Path, form: str
) -> None:
    sample().write_tar(tmp_path / "a.tar")
    with (
        tarfile.open(tmp_path / "a.tar") as archive,
        tarfile.open(tmp_path / f"b.{form}", "w" if form == "tar" else "w:gz") as shuffled,
    ):
        members = archive.getmembers()
        random.Random(3).shuffle(members)
        for info in members:
            shuffled.addfile(info, archive.extractfile(info))
    await run(database, tmp_path / f"b.{form}")
    other = settings.model_copy(update={"database": f"{settings.database}_s"})
    async with open_database(other) as second:
        await run(second, tree)
        expected = await dump(second)
        await second.drop()
    assert _without_paths(await dump(database)) == _without_paths(expected)


@pytest.mark.slow
async def test_an_archive_that_holds_more_files_than_were_recorded_is_read(
    database: Database, tree: Path, tmp_path: Path
) -> None:
    swept = _without(list(sample_files()), "e3sm.log", "spio_stats")
    write_files(tmp_path / "swept", swept)
    sample().write_tar(tmp_path / "a.tar")
    await run(database, tmp_path / "swept")
    report = await run(database, tmp_path / "a.tar")
    assert report.record.counts.updated >= totals()["created"]
    again = await run(database, tmp_path / "a.tar")
    assert again.record.counts.unchanged == totals()["discovered"]


async def test_an_archive_over_its_budget_keeps_what_comes_before(
    database: Database, tmp_path: Path
) -> None:
    sample().write_tar(tmp_path / "a.tar")
    report = await run(database, tmp_path / "a.tar", budgets=Budgets(members=300))
    assert report.record.status == "partial"
    assert report.record.counts.created > 0
    assert "CASELEDGER_MAX_MEMBERS" in report.record.problems[-2].detail
    assert report.record.problems[-2].path == str(tmp_path / "a.tar")


async def test_what_cannot_be_read_for_a_moment_is_read_by_the_next_import(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = sample_cases()[0]
    execution = next(e for e in case.executions if e.lid == case.canonical)
    write_files(tmp_path, directories(sample_files())[execution.path])
    scandir = os.scandir

    def refuse(path: Path) -> Any:
        if Path(path).name.startswith("CaseDocs"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        report = await run(database, tmp_path)
    assert (report.unreadable, await database.cases.count({})) == (1, 0)
    assert (await run(database, tmp_path)).record.counts.created == 1


async def test_a_source_that_is_not_there_does_not_stop_the_others(
    database: Database, tree: Path, tmp_path: Path
) -> None:
    report = await run(database, tmp_path / "nowhere", tree)
    assert report.unreadable == 1
    assert report.record.counts.discovered == totals()["discovered"]
    assert report.record.problems[0].path == str(tmp_path / "nowhere")


async def test_a_dry_run_counts_and_writes_nothing(database: Database, tree: Path) -> None:
    report = await run(database, tree, dry_run=True)
    assert report.record.counts == Counts(**totals())
    assert report.ingestion_id is None
    assert await database.cases.count({}) == 0
    assert await database.ingestions.count({}) == 0


async def test_a_dry_run_leaves_the_records_of_killed_imports(
    database: Database, tmp_path: Path
) -> None:
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    record = IngestionRecord(
        source="x", kind="x", started_at=long_ago, alive_at=long_ago, caseledger_version="1"
    )
    await database.ingestions.insert({"_id": "killed", **record.stored()})
    await run(database, tmp_path, dry_run=True)
    assert await database.ingestions.count({"status": "running"}) == 1
    await run(database, tmp_path)
    assert await database.ingestions.count({"status": "interrupted"}) == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [
        pytest.param(DatabaseError("it is gone"), "failed", id="database"),
        pytest.param(DamagedError("a case", "it is damaged"), "failed", id="damaged"),
        pytest.param(ValueError("a fault"), "failed", id="fault"),
        pytest.param(asyncio.CancelledError(), "interrupted", id="cancelled"),
    ],
)
async def test_the_audit_record_says_what_stopped_an_import(
    database: Database,
    tree: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    status: str,
) -> None:
    async def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr("ingest.cases.importing.screen", fail)
    with pytest.raises(type(error)):
        await run(database, tree)
    (stored,) = await database.ingestions.find({})
    assert stored["status"] == status
    assert stored["finishedAt"] is not None


async def test_the_audit_record_holds_what_the_report_says(database: Database, tree: Path) -> None:
    report = await run(database, tree)
    stored = await database.ingestions.find_one({"_id": report.ingestion_id})
    assert stored is not None
    assert stored["status"] == "completed"
    assert stored["counts"] == report.record.counts.stored()
    assert stored["source"] == str(tree)


async def test_links_are_not_followed(database: Database, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tree)
    (tmp_path / "loop").symlink_to(tmp_path)
    report = await run(database, tmp_path)
    assert report.record.counts.discovered == 0


@pytest.mark.slow
async def test_without_a_machine_directory_the_files_tell_the_machine(
    database: Database, tmp_path: Path
) -> None:
    case = sample_cases()[0]
    write_files(tmp_path / "all", sample_files())
    shutil.move(tmp_path / "all" / case.machine / "performance_archive", tmp_path)
    await run(database, tmp_path / "performance_archive")
    assert (await read_case(database, case))["machine"] == case.machine


async def test_an_unknown_machine_is_rejected_until_it_is_said(
    database: Database, tmp_path: Path
) -> None:
    case = sample_cases()[0]
    execution = next(e for e in case.executions if e.complete)
    wanted = [
        f for f in directories(sample_files())[execution.path]
        if "env_case" not in f.path and "e3sm_timing" not in f.path and "README" not in f.path
    ]  # fmt: skip
    write_files(tmp_path, wanted)
    shutil.move(tmp_path / case.machine / "performance_archive", tmp_path)
    root = tmp_path / "performance_archive"
    report = await run(database, root)
    assert report.record.counts.rejected == 1
    assert "--machine" in report.record.problems[0].detail
    report = await run(database, root, machine="Chrysalis")
    assert report.record.counts.incomplete == 1
    assert await database.cases.count({"machine": "chrysalis"}) == 1


@pytest.mark.slow
async def test_several_importers_at_once_give_the_documents_of_one(
    settings: Settings, database: Database, tree: Path
) -> None:
    await run(database, tree)
    expected = await dump(database)
    other = settings.model_copy(update={"database": f"{settings.database}_c"})
    processes = [_start_import(other, tree) for _ in range(8)]
    assert [process.wait(100) for process in processes] == [0] * 8
    assert await _dump_and_drop(other) == expected


_KILLED_IN_A_WRITE = """
import os, signal, sys
from models.database.collection import Collection
from api.cli import main
writes = int(sys.argv.pop(1))
write = Collection.bulk_write
async def counted(*arguments):
    global writes
    found = await write(*arguments)
    writes -= 1
    if not writes:
        os.kill(os.getpid(), signal.SIGKILL)
    return found
Collection.bulk_write = counted
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("writes", [2, 3, 6, 9])
async def test_an_importer_that_was_killed_between_writes_is_finished_by_the_next(
    settings: Settings, database: Database, tree: Path, writes: int
) -> None:
    await run(database, tree)
    expected = await dump(database)
    other = settings.model_copy(update={"database": f"{settings.database}_b"})
    killed = _start_import(other, tree, "-c", _KILLED_IN_A_WRITE, str(writes))
    assert killed.wait(60) == -signal.SIGKILL
    async with open_database(other) as second:
        # the first write is the audit record, then there are two to a transaction
        assert await second.cases.count({}) <= (writes - 2) // 2
        assert await second.ingestions.count({"status": "running"}) == 1
    assert _start_import(other, tree).wait(60) == 0
    assert await _dump_and_drop(other) == expected


@pytest.mark.slow
@pytest.mark.parametrize("delay", [1.0, 1.4])
async def test_an_importer_that_was_killed_is_finished_by_the_next(
    settings: Settings, database: Database, tree: Path, delay: float
) -> None:
    await run(database, tree)
    expected = await dump(database)
    other = settings.model_copy(update={"database": f"{settings.database}_k"})
    process = _start_import(other, tree)
    time.sleep(delay)  # a moment somewhere in the import, not a time to wait for
    workers = _children(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert _start_import(other, tree).wait(60) == 0
    assert not [pid for pid in workers if _is_alive(pid)]
    assert await _dump_and_drop(other) == expected


def _start_import(settings: Settings, tree: Path, *program: str) -> "subprocess.Popen[bytes]":
    environment = {
        **os.environ,
        "CASELEDGER_HOME": str(settings.home),
        "CASELEDGER_DATABASE": settings.database,
    }
    python = [sys.executable, *(program or ("-m", "api.cli"))]
    command = [*python, "import", "--quiet", str(tree)]
    return subprocess.Popen(command, env=environment)


def _is_alive(pid: str) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()


async def _dump_and_drop(settings: Settings) -> list[dict[str, object]]:
    async with open_database(settings) as database:
        found = await dump(database)
        await database.drop()
    return found


@pytest.mark.slow
async def test_any_order_and_any_portions_give_the_documents_of_one_import(
    database: Database, tree: Path
) -> None:
    await run(database, tree)
    expected = await dump(database)
    directories = sorted(_execution_directories(tree))
    chance = random.Random(7)
    for number in range(12):
        chance.shuffle(directories)
        for collection in (database.cases, database.executions, database.execution_sources):
            await collection.delete({})
        cuts = sorted(chance.sample(range(1, len(directories)), 4))
        for start, end in itertools.pairwise([0, *cuts, len(directories)]):
            await import_paths(database, directories[start:end], ImportOptions(jobs=0))
        assert await dump(database) == expected, number


def _execution_directories(tree: Path) -> Iterator[Path]:
    for found in open_source(tree).find():
        yield Path(found.path)


@pytest.mark.slow
async def test_shards_together_import_everything_once(database: Database, tree: Path) -> None:
    whole = (await run(database, tree, dry_run=True)).record.counts.discovered
    reports = [await run(database, tree, shard=Shard(number, 3)) for number in (1, 2, 3)]
    assert sum(report.record.counts.discovered for report in reports) == whole
    assert sum(report.record.counts.unchanged for report in reports) == 0
    assert await database.executions.count({}) == whole


@pytest.mark.slow
async def test_an_import_that_is_to_stop_writes_what_it_has_begun(
    database: Database, tree: Path
) -> None:
    asked = iter([False] * 12)
    options = ImportOptions(jobs=0)
    report = await import_paths(database, [tree], options, stop=lambda: next(asked, True))
    assert report.record.status == "interrupted"
    written = await database.executions.count({})
    assert 0 < written == report.record.counts.created + report.record.counts.incomplete
    await run(database, tree)
    assert await database.executions.count({}) == len(list(_execution_directories(tree)))


async def test_an_import_that_finds_nothing_new_may_leave_no_record(
    database: Database, tree: Path
) -> None:
    await run(database, tree, record_idle_runs=False)
    report = await run(database, tree, record_idle_runs=False)
    assert report.ingestion_id is None
    assert await database.ingestions.count({}) == 1


async def test_a_path_in_which_nothing_is_found_is_told(
    database: Database, tree: Path, tmp_path: Path
) -> None:
    (tmp_path / "packed.tar.gz").write_bytes(b"not opened")
    report = await run(database, tmp_path)
    (problem,) = report.record.problems
    assert (report.record.status, report.unreadable) == ("completed", 0)
    assert (problem.path, problem.reason) == (str(tmp_path), "nothing_found")
    assert f"name them on the command line, {tmp_path}/*.tar.gz" in problem.detail
    both = await run(database, tree, tmp_path)
    assert "nothing_found" in [problem.reason for problem in both.record.problems]


async def test_a_path_in_which_nothing_is_new_or_nothing_is_asked_for_is_no_mistake(
    database: Database, tree: Path, tmp_path: Path
) -> None:
    await run(database, tree)
    for path, options in (
        (tree, {}),
        (tmp_path, {"record_idle_runs": False}),
        (tmp_path, {"shard": Shard(1, 2)}),
    ):
        report = await run(database, path, **options)
        assert (report.record.status, report.record.problem_count) == ("completed", 0)


async def test_conflicting_groups_are_reported_and_a_case_made_again_shows_its_lineages(
    database: Database, tmp_path: Path
) -> None:
    for lid, group_name, case_hash in (
        ("1000.250102-030405", "one", "a"),
        ("1001.250202-030405", "two", "b"),
    ):
        directory = tmp_path / "chrysalis/performance_archive/jdoe" / KEY.name / lid
        fields = [("CASE", KEY.name), ("MACH", "chrysalis"), ("REALUSER", "jdoe")]
        fields += [("CASE_GROUP", group_name), ("CASE_HASH", case_hash)]
        case_xml = env_xml(group("g", *(entry(*field) for field in fields)), file="env_case")
        for name, data in execution_files(lid).items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(packed(case_xml) if "env_case" in name else data)
    report = await run(database, tmp_path)
    assert "case_groups_disagree" in {problem.reason for problem in report.record.problems}
    (case,) = await database.cases.find({})
    assert case["caseGroups"] == ["one", "two"]
    assert [lineage["caseHash"] for lineage in case["lineages"]] == ["a", "b"]


@pytest.mark.parametrize("code", [pytest.param(388, id="cache"), pytest.param(290, id="time")])
async def test_what_is_too_large_for_one_transaction_takes_several(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    async def limited(collection: Collection, writes: Sequence[Write], session: Any = None) -> bool:
        if len(writes) > 2:
            raise OperationFailure("transaction is too large", code)
        return await apply_writes(collection, writes, session)

    monkeypatch.setattr("models.database.client.apply_writes", limited)
    for second in range(7):
        lid = f"1000.250102-03040{second}"
        for name, data in execution_files(lid).items():
            path = tmp_path / lid / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    report = await run(database, tmp_path)
    assert report.record.counts == Counts(discovered=7, created=7)
    stored = await database.cases.find_one({"_id": KEY.case_id})
    assert stored is not None
    assert stored["executionCount"] == 7


@pytest.mark.slow
async def test_the_sample_has_what_e3sm_writes(database: Database, tree: Path) -> None:
    await run(database, tree)
    tested, eamxx, clone = [await read_case(database, sample_cases()[n]) for n in (8, 9, 10)]
    first, production = tested["lineages"]
    assert tested["canonicalExecutionId"] == first["canonicalExecutionId"]
    assert production["executionCount"] == len(tested["executions"]) - 1
    assert "namelist_scream" in eamxx["configuration"]
    assert "scream_input" in eamxx["configuration"]
    assert "yaml_scream_output" in eamxx["configuration"]
    assert (clone["compset"], clone["gridName"]) == ("WCYCL1850", "ne30pg2_r05_IcoswISC30E3r5")
    for case in (tested, eamxx, clone):
        assert case["changes"]
        assert not [e["problems"] for e in case["executions"] if e["problems"]]
    told = [e for case in sample_cases() for e in (await read_case(database, case))["executions"]]
    silent = [e for e in told if e["status"] not in {"completed", "running"}]
    assert silent
    assert all(execution["failureReason"] for execution in silent)
