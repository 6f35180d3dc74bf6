"""Sources find execution directories and give their bytes, and nothing hostile gets through."""

import io
import os
import tarfile
import zipfile
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.cases.inventory import FileEntry
from ingest.cases.sources.base import Source, batches_by_case, summarize
from ingest.cases.sources.open import open_source
from models.errors import SourceError
from tests.support.executions import LID, execution_files, mutations
from tests.support.sources import (
    ARCHIVES,
    FORMS,
    LIMIT,
    OTHER,
    PLACE,
    SMALL,
    TARS,
    Files,
    compressed,
    contents,
    inside,
    placed,
    reasons,
    tar,
    write,
    write_zip,
)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_executions(tmp_path: Path, form: str) -> None:
    files = {f"{d}/{p}": data for d in (LID, OTHER) for p, data in execution_files(d).items()}
    source = open_source(write(tmp_path, form, placed(files, PLACE)))
    assert contents(source) == {
        f"{PLACE}/{LID}": execution_files(LID), f"{PLACE}/{OTHER}": execution_files(OTHER),
    }  # fmt: skip
    assert source.damages == []


@pytest.mark.parametrize("form", FORMS)
def test_the_fingerprint_of_a_copy_is_the_same(tmp_path: Path, form: str) -> None:
    (tmp_path / "1").mkdir()
    one = next(open_source(write(tmp_path / "1", "directory", placed(SMALL, LID))).find())
    other = next(open_source(write(tmp_path, form, placed(SMALL, f"x/{LID}"))).find())
    assert one.fingerprint == other.fingerprint


def test_a_summary_does_not_depend_on_the_order_of_the_files() -> None:
    entries = [FileEntry("b", 2, 5), FileEntry("a", 1, 9), FileEntry("a/c", 3)]
    summaries = {summarize(order) for order in permutations(entries)}
    assert [(each.file_count, each.modified) for each in summaries] == [(3, 9)]


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({f"CaseStatus.{LID}": b"statu", f"GIT_DESCRIBE.{LID}": b"v1"}, id="size"),
        pytest.param({f"CaseStatus.{LID}": b"status"}, id="one less"),
        pytest.param(SMALL | {"new": b""}, id="one more"),
        pytest.param({f"CaseStatus.{LID}": b"status", "GIT_DESCRIBE": b"v1"}, id="name"),
    ],
)
def test_other_files_have_another_fingerprint(tmp_path: Path, files: Files) -> None:
    source = open_source(write(tmp_path, "zip", placed(SMALL, f"a/{LID}") | placed(files, LID)))
    one, other = source.find()
    assert one.fingerprint != other.fingerprint


@pytest.mark.parametrize("form", FORMS)
def test_executions_come_in_the_order_of_the_tree_or_the_archive(tmp_path: Path, form: str) -> None:
    places = [f"b/{LID}", f"a/{OTHER}", f"c/{LID}", f"a/{LID}"]
    source = open_source(write(tmp_path, form, placed(SMALL, *places)))
    expected = sorted(places) if form == "directory" else places
    assert [inside(found, source.path) for found in source.find()] == expected


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("with blank", id="blank"),
        pytest.param("line\nfeed", id="line feed"),
        pytest.param("\u00fcml\u00e4ut", id="Unicode"),
        pytest.param("quo\"te's $x *", id="quotes"),
        pytest.param("back\\slash", id="backslash"),
    ],
)
def test_odd_names_are_kept(tmp_path: Path, form: str, name: str) -> None:
    where = f"chrysalis/performance_archive/{name}/{name}/{LID}"
    (found,) = open_source(write(tmp_path, form, placed(SMALL, where))).find()
    assert (found.location.user, found.location.case) == (name, name)


@pytest.mark.parametrize("form", ["directory", "tar", "tgz", "tzst"])
def test_names_that_are_not_utf_8_are_kept(tmp_path: Path, form: str) -> None:
    name = os.fsdecode(b"caf\xe9")
    source = open_source(write(tmp_path, form, placed(SMALL, f"{name}/{LID}")))
    (found,) = source.find()
    assert found.location.case == name
    assert len(found.fingerprint) == 32
    assert contents(source) == {f"{name}/{LID}": SMALL}


@pytest.mark.parametrize("form", FORMS)
def test_files_outside_of_executions_are_passed_over(tmp_path: Path, form: str) -> None:
    files = {"README": b"x", f"{PLACE}/notes": b"x", f"{LID}-old/CaseStatus": b"x", "a/x": b""}
    assert list(open_source(write(tmp_path, form, files)).find()) == []


@pytest.mark.parametrize("form", FORMS)
def test_an_execution_in_an_execution_is_a_part_of_it(tmp_path: Path, form: str) -> None:
    files = placed(SMALL, LID) | {f"{LID}/{OTHER}/CaseStatus": b"x"}
    found = [f.location.lid.text for f in open_source(write(tmp_path, form, files)).find()]
    assert found == [LID]


@pytest.mark.parametrize("form", ARCHIVES)
def test_no_more_than_the_limit_is_given(tmp_path: Path, form: str) -> None:
    files = {f"{LID}/CaseStatus": b"a" * 5000}
    assert contents(open_source(write(tmp_path, form, files)), 10) == {
        LID: {"CaseStatus": b"a" * 11}
    }


@pytest.mark.parametrize("form", FORMS)
def test_only_what_is_wanted_is_given(tmp_path: Path, form: str) -> None:
    source = open_source(write(tmp_path, form, placed(SMALL, f"a/{LID}", f"b/{LID}")))
    _, wanted = source.find()
    assert [found.path for found, _ in source.read([wanted], LIMIT)] == [wanted.path]


@pytest.mark.parametrize("form", ARCHIVES)
def test_an_execution_without_known_files_is_given_empty(tmp_path: Path, form: str) -> None:
    files = placed(SMALL, f"a/{LID}") | {f"b/{LID}/unknown": b"x"}
    assert contents(open_source(write(tmp_path, form, files))) == {
        f"a/{LID}": SMALL,
        f"b/{LID}": {},
    }


@pytest.mark.parametrize("form", ARCHIVES)
def test_executions_that_lie_mixed_up_in_an_archive_are_sorted_out(
    tmp_path: Path, form: str
) -> None:
    one, other = placed(SMALL, f"a/{LID}"), placed(SMALL, f"b/{LID}")
    mixed = dict(pair for pairs in zip(one.items(), other.items(), strict=True) for pair in pairs)
    found = contents(open_source(write(tmp_path, form, mixed)))
    assert found == {f"a/{LID}": SMALL, f"b/{LID}": SMALL}


def test_an_execution_itself_can_be_imported(tmp_path: Path) -> None:
    root = write(tmp_path, "directory", placed(SMALL, f"{PLACE}/{LID}"))
    (found,) = open_source(root / PLACE / LID).find()
    assert (found.location.machine, found.location.case) == ("chrysalis", "case")


@pytest.mark.parametrize(("above", "machine"), [("laptop", None), ("Compy", "compy")])
def test_the_machine_is_that_of_the_path_wherever_one_begins(
    tmp_path: Path, above: str, machine: str | None
) -> None:
    place = f"{above}/performance_archive/u/c/{LID}"
    root = write(tmp_path, "directory", placed(SMALL, place))
    machines = [
        next(open_source(path).find()).location.machine
        for path in (root, root / above, root / above / "performance_archive")
    ]
    assert machines == [machine] * 3


# What must not get through.


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(tarfile.SYMTYPE, id="symbolic link"),
        pytest.param(tarfile.LNKTYPE, id="hard link"),
        pytest.param(tarfile.CHRTYPE, id="device"),
        pytest.param(tarfile.FIFOTYPE, id="pipe"),
        pytest.param(tarfile.DIRTYPE, id="directory"),
    ],
)
def test_special_members_of_a_tar_are_passed_over(tmp_path: Path, kind: bytes) -> None:
    special = link(f"{LID}/GIT_DESCRIBE.{LID}", "/etc/passwd", kind)
    own = tarfile.TarInfo(f"{LID}/CaseStatus.{LID}"), b"status"
    (tmp_path / "a.tar").write_bytes(tar([special, own]))
    assert contents(open_source(tmp_path / "a.tar")) == {LID: {f"CaseStatus.{LID}": b"status"}}


def test_links_in_a_zip_are_passed_over(tmp_path: Path) -> None:
    info = zipfile.ZipInfo(f"{LID}/GIT_DESCRIBE.{LID}")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
        archive.writestr(f"{LID}/CaseStatus.{LID}", "status")
    assert contents(open_source(tmp_path / "a.zip")) == {LID: {f"CaseStatus.{LID}": b"status"}}


def test_links_to_files_are_not_followed(tmp_path: Path) -> None:
    root = write(tmp_path, "directory", placed(SMALL, LID))
    (root / LID / "cpl.log").symlink_to("/etc/passwd")
    (found,) = open_source(root).find()
    assert {entry.path for entry in found.entries} == set(SMALL)


def test_links_to_directories_are_not_followed(tmp_path: Path) -> None:
    root = write(tmp_path, "directory", placed(SMALL, f"a/{LID}"))
    (root / "loop").symlink_to(".")
    (root / OTHER).symlink_to(f"a/{LID}")
    (root / "a" / LID / "CaseDocs").symlink_to("/etc")
    (found,) = open_source(root).find()
    assert {entry.path for entry in found.entries} == set(SMALL)


def test_pipes_are_passed_over(tmp_path: Path) -> None:
    root = write(tmp_path, "directory", placed(SMALL, LID))
    os.mkfifo(root / LID / "cpl.log")
    (found,) = open_source(root).find()
    assert {entry.path for entry in found.entries} == set(SMALL)


@pytest.mark.parametrize("form", ARCHIVES)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(f"../{LID}/CaseStatus", id="above the archive"),
        pytest.param(f"a/../{LID}/CaseStatus", id="up on the way"),
        pytest.param(f"{LID}/../../CaseStatus", id="out of the execution"),
        pytest.param(f"{LID}/CaseDocs/../env_run.xml", id="up in the execution"),
        pytest.param(f"/{LID}/CaseStatus", id="absolute"),
        pytest.param(f"//x/{LID}/CaseStatus", id="absolute twice"),
        pytest.param("x/" * 40 + f"{LID}/CaseStatus", id="too deep"),
        pytest.param("x" * 256 + f"/{LID}/CaseStatus", id="long part"),
        pytest.param(f"{LID}/" + "\u00e4" * 128, id="long name of few characters"),
    ],
)
def test_names_that_lead_elsewhere_are_passed_over(tmp_path: Path, form: str, name: str) -> None:
    source = open_source(write(tmp_path, form, {name: b"x"} | placed(SMALL, f"a/{LID}")))
    assert contents(source) == {f"a/{LID}": SMALL}
    assert len(reasons(source)) == 1
    assert reasons(source)[0] in {"unsafe_name", "too_deep", "long_name"}
    assert source.damages[0].path == str(source.path)


@pytest.mark.parametrize("form", ARCHIVES)
@pytest.mark.parametrize(
    "name", [pytest.param("..\\..", id="upwards"), pytest.param("C:\\x", id="drive")]
)
def test_a_backslash_or_a_drive_leads_nowhere(tmp_path: Path, form: str, name: str) -> None:
    source = open_source(write(tmp_path, form, placed(SMALL, f"{name}/{LID}")))
    assert contents(source) == {f"{name}/{LID}": SMALL}


@pytest.mark.parametrize("form", FORMS)
def test_files_deeper_in_an_execution_are_not_listed(tmp_path: Path, form: str) -> None:
    files = placed(SMALL | {"logs/a": b"x"}, LID)
    deeper = {f"{LID}/logs/b/c": b"y"}
    (tmp_path / "1").mkdir()
    one = next(open_source(write(tmp_path, form, files | deeper)).find())
    other = next(open_source(write(tmp_path / "1", form, files)).find())
    assert (one.fingerprint, one.file_count) == (other.fingerprint, 3)


@pytest.mark.parametrize("form", ARCHIVES)
@pytest.mark.parametrize("prefix", ["./", "././", "a//", "a/./"])
def test_names_are_relative_however_they_are_written(
    tmp_path: Path, form: str, prefix: str
) -> None:
    source = open_source(write(tmp_path, form, placed(SMALL, f"{prefix}{LID}")))
    assert contents(source) == {f"{prefix.strip('./')}/{LID}".lstrip("/"): SMALL}
    assert source.damages == []


def test_a_directory_that_is_too_deep_is_noted(tmp_path: Path) -> None:
    root = write(tmp_path, "directory", placed(SMALL, "x/" * 40 + LID))
    source = open_source(root)
    assert list(source.find()) == []
    assert reasons(source) == ["too_deep"]


@pytest.mark.parametrize("form", TARS)
def test_of_members_of_one_name_the_last_counts(tmp_path: Path, form: str) -> None:
    members = [(tarfile.TarInfo(f"{LID}/CaseStatus.{LID}"), data) for data in (b"a", b"bb", b"ccc")]
    data = tar([*members, (tarfile.TarInfo(f"{LID}/GIT_DESCRIBE.{LID}"), b"v1")])
    (tmp_path / f"a.{form}").write_bytes(compressed(data, form))
    check_last_counts(open_source(tmp_path / f"a.{form}"))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_members_of_one_name_in_a_zip_the_last_counts(tmp_path: Path) -> None:
    members = [(f"{LID}/CaseStatus.{LID}", data) for data in (b"a", b"bb", b"ccc")]
    write_zip(tmp_path / "a.zip", [*members, (f"{LID}/GIT_DESCRIBE.{LID}", b"v1")])
    check_last_counts(open_source(tmp_path / "a.zip"))


def check_last_counts(source: Source) -> None:
    (found,) = source.find()
    ((read, content),) = source.read([found], LIMIT)
    assert {entry.path: entry.size for entry in read.entries} == {
        f"CaseStatus.{LID}": 3, f"GIT_DESCRIBE.{LID}": 2,
    }  # fmt: skip
    assert read.fingerprint == found.fingerprint
    assert content.files[f"CaseStatus.{LID}"] == b"ccc"


# What breaks off.


def whole_or_none(source: Source, files: Files) -> None:
    """Check that every execution that is given is whole, unless it is told that it may not be."""
    given = contents(source)
    for directory, own in given.items():
        assert own == {
            path.removeprefix(f"{directory}/"): data
            for path, data in files.items()
            if path.startswith(f"{directory}/")
        }
    is_all = len(given) == 3
    assert is_all or source.damages


CUT_FILES = placed({f"CaseStatus.{LID}": os.urandom(700), "GIT_DESCRIBE": b"v"}, *(
    f"{case}/{LID}" for case in "abc"
))  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("form", ARCHIVES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.floats(0, 0.999))
def test_a_cut_archive_gives_whole_executions_only(tmp_path: Path, form: str, part: float) -> None:
    data = write(tmp_path, form, CUT_FILES).read_bytes()
    if form == "tar":
        data = data[: len(CUT_FILES) // 2 * (1024 + 512 + 512 + 512)]
    cut = tmp_path / f"cut.{form}"
    cut.write_bytes(data[: int(len(data) * part)])
    whole_or_none(open_source(cut), CUT_FILES)


@pytest.mark.slow
@pytest.mark.parametrize("form", ARCHIVES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_a_damaged_archive_never_raises(tmp_path: Path, form: str, data: st.DataObject) -> None:
    valid = write(tmp_path, form, CUT_FILES).read_bytes()
    bad = tmp_path / f"bad.{form}"
    bad.write_bytes(data.draw(st.one_of(mutations(valid), st.binary())))
    contents(open_source(bad))


def test_a_damaged_header_in_a_tar_is_not_taken_for_its_end(tmp_path: Path) -> None:
    members = [(tarfile.TarInfo(f"{case}/{LID}/CaseStatus"), b"x") for case in "abc"]
    data = bytearray(tar(members))
    data[2048:2560] = b"\1" * 512
    (tmp_path / "a.tar").write_bytes(data)
    source = open_source(tmp_path / "a.tar")
    assert list(contents(source)) == [f"a/{LID}"]
    assert reasons(source) == ["damaged_archive", "truncated"]


@pytest.mark.parametrize("form", ARCHIVES)
def test_an_empty_archive_file_is_damaged(tmp_path: Path, form: str) -> None:
    (tmp_path / f"a.{form}").touch()
    source = open_source(tmp_path / f"a.{form}")
    assert list(source.find()) == []
    assert reasons(source) == ["damaged_archive"]


@pytest.mark.parametrize("form", ARCHIVES)
def test_an_archive_without_members_is_empty_but_whole(tmp_path: Path, form: str) -> None:
    source = open_source(write(tmp_path, form, {}))
    assert list(source.batches()) == []
    assert source.damages == []


def test_an_encrypted_member_costs_itself_only(tmp_path: Path) -> None:
    write_zip(
        tmp_path / "a.zip", [(f"{LID}/CaseStatus.{LID}", b"x"), (f"{LID}/GIT_DESCRIBE.{LID}", b"y")]
    )
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    source = open_source(tmp_path / "a.zip")
    assert contents(source) == {LID: {f"GIT_DESCRIBE.{LID}": b"y"}}
    assert reasons(source) == []


def test_a_member_of_an_unknown_compression_costs_itself_only(tmp_path: Path) -> None:
    write_zip(
        tmp_path / "a.zip", [(f"{LID}/CaseStatus.{LID}", b"x"), (f"{LID}/GIT_DESCRIBE.{LID}", b"y")]
    )
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[8] = data[data.index(b"PK\1\2") + 10] = 97
    (tmp_path / "a.zip").write_bytes(data)
    source = open_source(tmp_path / "a.zip")
    assert contents(source) == {LID: {f"GIT_DESCRIBE.{LID}": b"y"}}
    assert reasons(source) == []


def test_an_archive_of_another_kind_than_its_name_says_is_damaged(tmp_path: Path) -> None:
    write(tmp_path, "zip", placed(SMALL, LID)).rename(tmp_path / "a.tar")
    source = open_source(tmp_path / "a.tar")
    assert list(source.find()) == []
    assert reasons(source) == ["damaged_archive"]


def test_a_directory_that_may_not_be_read_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(tmp_path, "directory", placed(SMALL, f"a/{LID}", f"b/{LID}"))
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "a":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    source = open_source(root)
    assert [inside(found, root) for found in source.find()] == [f"b/{LID}"]
    assert reasons(source) == ["unreadable"]


def test_a_file_in_the_place_of_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(SourceError, match=r"does not end in"):
        open_source(tmp_path / "notes.txt")


def test_what_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        open_source(tmp_path / "none.tar")


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.tar")
    with pytest.raises(SourceError, match="not a regular file"):
        open_source(tmp_path / "a.tar")


# Batches.


def paths(count: int, case: str) -> Iterator[str]:
    return (f"/{case}/{number:05}" for number in range(count))


def sizes(items: list[str]) -> list[int]:
    return [len(batch) for batch in batches_by_case(items, str)]


def test_batches_end_where_a_case_ends() -> None:
    assert sizes([*paths(200, "a"), *paths(100, "b"), *paths(10, "c")]) == [300, 10]


def test_a_very_long_case_is_spread_over_batches() -> None:
    assert sizes([*paths(2500, "a")]) == [1024, 1024, 452]


@given(st.lists(st.sampled_from(["/a/1", "/a/2", "/b/1", "x"])))
def test_batches_hold_everything_in_its_order(items: list[str]) -> None:
    assert [item for batch in batches_by_case(items, str) for item in batch] == items


def test_a_hard_link_in_a_tar_is_read_as_the_file_that_it_names(tmp_path: Path) -> None:
    other = "1001.250103-030405"
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo(f"c/{LID}/CaseStatus.{LID}")
        info.size = 2
        archive.addfile(info, io.BytesIO(b"ab"))
        for target in (info.name, "nowhere"):
            link = tarfile.TarInfo(f"c/{other}/CaseStatus.{other}")
            link.type, link.linkname = tarfile.LNKTYPE, target
            archive.addfile(link)
    source = open_source(tmp_path / "a.tar.gz")
    assert contents(source) == {
        f"c/{LID}": {f"CaseStatus.{LID}": b"ab"},
        f"c/{other}": {f"CaseStatus.{other}": b"ab"},
    }


@pytest.mark.parametrize("form", ARCHIVES)
def test_an_archive_of_which_nothing_is_wanted_is_not_opened_again(
    tmp_path: Path, form: str
) -> None:
    path = write(tmp_path, form, placed(SMALL, LID))
    source = open_source(path)
    assert list(source.find())
    path.unlink()
    assert list(source.read([], 100)) == []
    assert source.damages == []
