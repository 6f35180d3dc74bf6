"""Executions whose files name no machine go where the others of their case are."""

from pathlib import Path

import pytest

from ingest.importing import ImportOptions, Report, import_paths
from models.database.client import Database
from tests.support.archives import dump
from tests.support.executions import KEY, LID, STATUS, execution_files, packed

TOLD, UNTOLD, OTHER = LID, "1001.250103-030405", "1002.250104-030405"


def written(
    root: Path, lid: str, user: str = KEY.user, files: dict[str, bytes] | None = None
) -> None:
    files = files or execution_files(lid)
    for name, data in files.items():
        path = root / "performance_archive" / user / KEY.name / lid / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def write_untold(root: Path, user: str = KEY.user) -> None:
    """Write what is left of an execution that died early: nothing names its machine."""
    written(root, UNTOLD, user, {f"CaseStatus.{UNTOLD}.gz": packed(STATUS)})


async def import_(database: Database, *paths: Path, machine: str | None = None) -> Report:
    return await import_paths(database, list(paths), ImportOptions(jobs=1, machine=machine))


async def machines(database: Database) -> dict[str, list[str]]:
    cases = await database.cases.find({}, sort=[("machine", 1)])
    return {case["machine"]: [e["executionId"] for e in case["executions"]] for case in cases}


@pytest.mark.parametrize("above", ["PERF_Chrysalis", "e3sm", "mac"])
@pytest.mark.parametrize("stated", [None, "compy"])
async def test_it_goes_to_the_machine_of_its_case(
    database: Database, tmp_path: Path, above: str, stated: str | None
) -> None:
    root = tmp_path / above
    written(root, TOLD)
    write_untold(root)
    for path in (tmp_path, root, root / "performance_archive"):
        report = await import_(database, path, machine=stated)
        assert [p.reason for p in report.record.problems if p.reason != "missing"] == []
        assert await machines(database) == {KEY.machine: [TOLD, UNTOLD]}


async def test_it_goes_to_a_case_that_is_recorded(database: Database, tmp_path: Path) -> None:
    written(tmp_path / "a", TOLD)
    write_untold(tmp_path / "b")
    early = await import_(database, tmp_path / "b")
    assert [p.reason for p in early.record.problems] == ["no_identity"]
    assert "--machine" in early.record.problems[0].detail
    await import_(database, tmp_path / "a")
    await import_(database, tmp_path / "b")
    late = await dump(database)
    assert await machines(database) == {KEY.machine: [TOLD, UNTOLD]}
    await database.cases.delete({})
    await database.executions.delete({})
    await import_(database, tmp_path)
    assert await dump(database) == late


async def test_the_user_decides_where_nothing_tells(database: Database, tmp_path: Path) -> None:
    write_untold(tmp_path / "laptop")
    await import_(database, tmp_path, machine=" Compy ")
    assert await machines(database) == {"compy": [UNTOLD]}


async def test_a_directory_that_is_a_machine_counts_more(
    database: Database, tmp_path: Path
) -> None:
    write_untold(tmp_path / "compy")
    await import_(database, tmp_path, machine="anvil")
    assert await machines(database) == {"compy": [UNTOLD]}


async def test_the_case_of_another_user_tells_nothing(database: Database, tmp_path: Path) -> None:
    written(tmp_path, TOLD)
    write_untold(tmp_path, user="other")
    report = await import_(database, tmp_path)
    assert [p.reason for p in report.record.problems] == ["no_identity"]


async def test_a_part_of_a_system_tells_more_than_its_name(
    database: Database, tmp_path: Path
) -> None:
    root = tmp_path / "perlmutter"
    files = execution_files(TOLD)
    env_case = f"CaseDocs.{TOLD}/env_case.xml.{TOLD}.gz"
    files[env_case] = packed(_with_machine("pm-cpu"))
    written(root, TOLD, files=files)
    write_untold(root)
    await import_(database, tmp_path)
    assert await machines(database) == {"pm-cpu": [TOLD, UNTOLD]}


def _with_machine(machine: str) -> bytes:
    return (
        b'<file id="env_case.xml" version="2.0"><group id="g">'
        b'<entry id="MACH" value="%s"><type>char</type></entry></group></file>' % machine.encode()
    )


async def test_a_disagreement_is_told_once_an_import(database: Database, tmp_path: Path) -> None:
    root = tmp_path / "compy"
    written(root, TOLD)
    written(root, UNTOLD)
    report = await import_(database, tmp_path)
    disagreements = [p for p in report.record.problems if p.reason == "machine_disagrees"]
    assert len(disagreements) == 1
    assert await machines(database) == {KEY.machine: [TOLD, UNTOLD]}


@pytest.mark.parametrize("above", ["laptop", "miller"])
@pytest.mark.parametrize("order", [("a", "b"), ("b", "a"), ("",)])
async def test_of_two_machines_it_goes_to_that_of_its_directory(
    database: Database, tmp_path: Path, order: tuple[str, ...], above: str
) -> None:
    root = tmp_path / above
    written(root / "a" / above, TOLD)
    elsewhere = execution_files(OTHER)
    elsewhere[f"CaseDocs.{OTHER}/env_case.xml.{OTHER}.gz"] = packed(_with_machine("compy"))
    written(root / "b" / above, OTHER, files=elsewhere)
    write_untold(root / "b" / above)
    for path in order:
        await import_(database, root / path)
    again = await import_(database, root)
    assert again.record.counts.rejected == 0
    assert await machines(database) == {KEY.machine: [TOLD], "compy": [UNTOLD, OTHER]}


async def test_of_two_machines_and_no_directory_the_user_decides(
    database: Database, tmp_path: Path
) -> None:
    written(tmp_path / "a", TOLD)
    elsewhere = execution_files(OTHER)
    elsewhere[f"CaseDocs.{OTHER}/env_case.xml.{OTHER}.gz"] = packed(_with_machine("compy"))
    written(tmp_path / "b", OTHER, files=elsewhere)
    write_untold(tmp_path / "c")
    report = await import_(database, tmp_path)
    (problem,) = (p for p in report.record.problems if p.reason == "no_identity")
    assert "several machines" in problem.detail
    await import_(database, tmp_path, machine="compy")
    assert await machines(database) == {KEY.machine: [TOLD], "compy": [UNTOLD, OTHER]}
