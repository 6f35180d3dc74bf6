"""Archives give what the unpacked tree would, in whatever order their members stand."""

import os
import random
import tarfile
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ingest.cases.sources.archive
from ingest.archives.budgets import Budgets
from ingest.cases.sources.base import Source
from ingest.cases.sources.open import open_source
from tests.support.executions import LID
from tests.support.sources import (
    ARCHIVES,
    LIMIT,
    OTHER,
    SMALL,
    TARS,
    compressed,
    contents,
    found_batches,
    inside,
    placed,
    reasons,
    tar,
    write,
    write_zip,
)

Members = Sequence[tuple[str, bytes]]
no_fixture_check = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40
)


def write_members(path: Path, form: str, members: Members) -> Path:
    """Write an archive of these members in this order, in which names may repeat."""
    target = path / f"a.{form}"
    if form == "zip":
        write_zip(target, list(members))
    else:
        data = tar([(tarfile.TarInfo(name), data) for name, data in members])
        target.write_bytes(compressed(data, form))
    return target


def imported(source: Source) -> dict[str, dict[str, bytes]]:
    """Read a source as the import does, batch by batch, and check what it says of itself."""
    given: dict[str, dict[str, bytes]] = {}
    for batch in found_batches(source):
        listed = {found.path: found for found in batch}
        for found, content in source.read(batch, LIMIT):
            assert found.summary == listed[found.path].summary
            assert found.file_count == len(found.entries)
            assert inside(found, source.path) not in given
            given[inside(found, source.path)] = dict(content.files)
    return given


def unpacked(members: Members) -> dict[str, dict[str, bytes]]:
    given: dict[str, dict[str, bytes]] = {}
    for name, data in members:
        case, lid, path = name.split("/", 2)
        given.setdefault(f"{case}/{lid}", {})[path] = data
    return given


NAMES = [f"CaseStatus.{LID}", f"GIT_DESCRIBE.{LID}", f"CaseDocs.{LID}/env_run.xml.{LID}"]
names = st.tuples(st.sampled_from("ab"), st.sampled_from([LID, OTHER]), st.sampled_from(NAMES))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("form", ["tar", "tgz", "tzst", "zip"])
@no_fixture_check
@given(st.lists(st.tuples(names.map("/".join), st.binary(max_size=9)), max_size=12))
def test_any_order_gives_the_unpacked_tree(tmp_path: Path, form: str, members: Members) -> None:
    source = open_source(write_members(tmp_path, form, members))
    assert imported(source) == unpacked(members)
    assert source.damages == []


def scattered(count: int) -> list[tuple[str, bytes]]:
    members = [
        (f"c/{number}.250102-030405/{name}", os.urandom(50))
        for number in range(count)
        for name in NAMES
    ]
    random.Random(1).shuffle(members)
    return members


@pytest.mark.parametrize("form", ARCHIVES)
def test_what_lies_scattered_is_read_as_memory_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    members = scattered(30)
    path = write_members(tmp_path, form, members)
    assert imported(open_source(path, Budgets(execution_bytes=500))) == unpacked(members)
    monkeypatch.setattr(ingest.cases.sources.archive, "_MAX_PASSES", 3)
    source = open_source(path, Budgets(execution_bytes=500))
    assert len(imported(source)) == 9
    assert reasons(source) == ["scattered"]


@pytest.mark.parametrize("form", ARCHIVES)
def test_batches_need_not_be_wanted_whole_or_in_order(tmp_path: Path, form: str) -> None:
    places = [f"c{number}/{LID}" for number in range(6)]
    source = open_source(write(tmp_path, form, placed(SMALL, *places)))
    found = list(source.find())
    wanted = [[found[1]], [], [found[4], found[3]], [found[0], found[5]], [found[1]]]
    given = [[f.path for f, _ in source.read(batch, LIMIT)] for batch in wanted]
    assert [sorted(paths) for paths in given] == [sorted(f.path for f in b) for b in wanted]


def hard_link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.LNKTYPE, target
    return info, b""


@pytest.mark.parametrize("form", TARS)
def test_hard_links_are_what_they_name_when_they_stand_there(tmp_path: Path, form: str) -> None:
    status = f"CaseStatus.{LID}"
    own = [
        (tarfile.TarInfo(name), data) for name, data in (("x", b"1"), (f"a/{LID}/{status}", b"22"))
    ]
    members = [
        *own,
        hard_link(f"b/{LID}/{status}", f"a/{LID}/{status}"),
        hard_link(f"c/{LID}/{status}", f"b/{LID}/{status}"),
        hard_link(f"d/{LID}/{status}", "x"),
        (tarfile.TarInfo("x"), b"333"),
        hard_link(f"e/{LID}/{status}", "x"),
        hard_link(f"f/{LID}/{status}", f"f/{LID}/{status}"),
        hard_link(f"g/{LID}/{status}", f"h/{LID}/{status}"),
        (tarfile.TarInfo(f"h/{LID}/{status}"), b"4444"),
    ]
    (tmp_path / f"a.{form}").write_bytes(compressed(tar(members), form))
    read = imported(open_source(tmp_path / f"a.{form}"))
    assert {d[0]: files[status] for d, files in read.items()} == {
        "a": b"22", "b": b"22", "c": b"22", "d": b"1", "e": b"333", "h": b"4444",
    }  # fmt: skip


# Budgets.


@pytest.mark.parametrize("form", ARCHIVES)
@pytest.mark.parametrize(
    ("budgets", "setting", "expected"),
    [
        pytest.param(Budgets(archive_bytes=100), "MAX_ARCHIVE_MIB", 0, id="file"),
        pytest.param(Budgets(members=5), "MAX_MEMBERS", 2, id="members"),
    ],
)
def test_an_archive_ends_where_it_exceeds_its_budget(
    tmp_path: Path, form: str, budgets: Budgets, setting: str, expected: int
) -> None:
    path = write(tmp_path, form, placed(SMALL, f"a/{LID}", f"b/{LID}", f"c/{LID}"))
    source = open_source(path, budgets)
    assert list(imported(source)) == [f"a/{LID}", f"b/{LID}"][:expected]
    damage = source.damages[0]
    assert (damage.path, damage.reason) == (str(path), "over_budget")
    assert f"CASELEDGER_{setting}" in damage.detail


@pytest.mark.parametrize("form", ["directory", *ARCHIVES])
def test_an_execution_of_too_many_files_costs_itself_only(tmp_path: Path, form: str) -> None:
    many = {f"{LID}/{n}": b"" for n in range(9)}
    source = open_source(
        write(tmp_path, form, many | placed(SMALL, f"a/{LID}")), Budgets(execution_files=8)
    )
    assert contents(source) == {f"a/{LID}": SMALL}
    (damage,) = source.damages
    assert damage.path.endswith(LID)
    assert "CASELEDGER_MAX_EXECUTION_FILES" in damage.detail


@pytest.mark.parametrize("form", ARCHIVES)
@pytest.mark.parametrize("is_scattered", [False, True])
def test_an_execution_of_too_many_bytes_costs_itself_only(
    tmp_path: Path, form: str, is_scattered: bool
) -> None:
    members = [(f"a/{LID}/{name}", b"x" * 40) for name in NAMES]
    members.insert(2 if is_scattered else 3, (f"b/{LID}/{NAMES[0]}", b"y"))
    source = open_source(write_members(tmp_path, form, members), Budgets(execution_bytes=100))
    assert list(imported(source)) == [f"b/{LID}"]
    assert [d.detail.rpartition("(")[2] for d in source.damages] == [
        "CASELEDGER_MAX_EXECUTION_MIB)"
    ]


@pytest.mark.parametrize("form", ["directory", *ARCHIVES])
def test_the_depth_is_that_of_the_directories_above(tmp_path: Path, form: str) -> None:
    path = write(tmp_path, form, placed(SMALL, f"a/b/{LID}"))
    assert len(list(open_source(path, Budgets(depth=3)).find())) == 1
    source = open_source(path, Budgets(depth=1))
    assert list(source.find()) == []
    assert "CASELEDGER_MAX_DEPTH" in source.damages[0].detail


# Damage, and what changes while it is read.


@pytest.mark.parametrize("form", ["tgz", "tzst"])
def test_of_an_archive_with_a_wrong_checksum_nothing_is_given(tmp_path: Path, form: str) -> None:
    path = write(tmp_path, form, placed({"CaseStatus": os.urandom(5000)}, f"a/{LID}", f"b/{LID}"))
    data = bytearray(path.read_bytes())
    data[-4 if form == "tzst" else -8] ^= 1
    path.write_bytes(data)
    source = open_source(path)
    assert list(source.batches()) == []
    assert [d.detail.partition(":")[0] for d in source.damages] == ["nothing in it can be trusted"]


@pytest.mark.parametrize("form", ARCHIVES)
def test_an_archive_that_changes_between_is_read_by_the_next_import(
    tmp_path: Path, form: str
) -> None:
    path = write(tmp_path, form, placed(SMALL, f"a/{LID}"))
    source = open_source(path)
    (batch,) = found_batches(source)
    with path.open("ab") as file:
        file.write(b"more")
    assert list(source.read(batch, LIMIT)) == []
    assert reasons(source) == ["changed"]


def test_an_archive_that_cannot_be_read_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "tar", placed(SMALL, f"a/{LID}"))

    def refuse(*_arguments: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "open", refuse)
    source = open_source(path)
    assert list(source.batches()) == []
    assert reasons(source) == ["unreadable"]


def test_what_goes_on_behind_a_damage_is_not_given(tmp_path: Path) -> None:
    members = [(tarfile.TarInfo(f"{case}/{LID}/CaseStatus"), b"x") for case in "abc"]
    data = bytearray(tar(members))
    data[2048:2560] = b"\1" * 512
    (tmp_path / "a.tar").write_bytes(data)
    source = open_source(tmp_path / "a.tar")
    assert list(imported(source)) == [f"a/{LID}"]
    assert reasons(source) == ["damaged_archive", "truncated"]


# Memory.


def many(count: int) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    for number in range(count):
        lid = f"{700000 + number}.250102-030405"
        for name in ("CaseStatus", "GIT_DESCRIBE", "e3sm_timing.case", "spio_stats"):
            path = f"chrysalis/performance_archive/jdoe/case.{number // 100}/{lid}/{name}.{lid}.gz"
            yield tarfile.TarInfo(path), b"x" * 500


def test_the_memory_for_an_execution_is_small_and_for_a_member_none(tmp_path: Path) -> None:
    count = 500
    (tmp_path / "a.tar").write_bytes(tar(list(many(count))))
    source = open_source(tmp_path / "a.tar")
    tracemalloc.start()
    try:
        listed = source.find()
        next(listed)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 200 * count + 2**16
    assert peak < 200 * count + 2**19  # with a buffer of the file
    assert len(list(listed)) == count - 1
