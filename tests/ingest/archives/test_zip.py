"""Zip files say what the standard library reads in them, and damage is told."""

import io
import os
import zipfile
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.archives.budgets import Budgets
from ingest.archives.reader import ArchiveError, Member
from ingest.archives.zip import ZipReader
from tests.support.executions import mutations

Listed = list[tuple[Member, bytes | None]]


def walk(data: bytes, budgets: Budgets | None = None, size: int = 10_000) -> Listed:
    """Go through a zip file, and return its members with their content."""
    with os.fdopen(os.memfd_create("zip"), "r+b") as file:
        file.write(data)
        file.seek(0)
        way = ZipReader(file, budgets or Budgets())
        return [(member, way.read(size)) for member in way.members()]


def error_of(data: bytes, budgets: Budgets | None = None) -> ArchiveError:
    with pytest.raises(ArchiveError) as caught:
        walk(data, budgets)
    return caught.value


def zipped(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name, (2025, 1, 2, 3, 4, 6)), data, method)
    return buffer.getvalue()


names = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40
).filter(lambda name: not name.endswith("/"))
members = st.lists(st.tuples(names, st.binary(max_size=3000)), max_size=5, unique_by=lambda m: m[0])


@given(members, st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]), st.binary(max_size=9))
def test_it_reads_what_the_standard_library_reads(
    files: list[tuple[str, bytes]], method: int, before: bytes
) -> None:
    data = before + zipped(files, method)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        expected = [(info.filename, archive.read(info)) for info in archive.infolist()]
    assert [(member.name, content) for member, content in walk(data)] == expected


def test_sizes_and_places_of_64_bits_are_read() -> None:
    with (
        mock.patch.object(zipfile, "ZIP64_LIMIT", 10),
        mock.patch.object(zipfile, "ZIP_FILECOUNT_LIMIT", 1),
    ):
        data = zipped([("a" * 20, b"x" * 100), ("b", b"y" * 200)])
    assert b"PK\6\6" in data
    assert [(m.size, content) for m, content in walk(data)] == [
        (100, b"x" * 100),
        (200, b"y" * 200),
    ]


def test_times_are_read_and_what_is_no_time_is_none() -> None:
    data = bytearray(zipped([("a", b"")]))
    assert [member.modified for member, _ in walk(bytes(data))] == [1735787046]
    at = data.index(b"PK\1\2") + 12
    data[at : at + 4] = b"\xff" * 4
    assert [member.modified for member, _ in walk(bytes(data))] == [0]


def test_no_more_of_a_file_is_read_than_wanted() -> None:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        assert [c for _, c in walk(zipped([("a", b"x" * 999)], method), size=5)] == [b"xxxxx"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_packed_in_another_way_is_not_read(method: int) -> None:
    assert [content for _, content in walk(zipped([("a", b"x")], method))] == [None]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize(
    ("place", "value"),
    [
        pytest.param(16, b"\1\2\3\4", id="checksum"),
        pytest.param(20, b"\0\0\0\0", id="packed size"),
        pytest.param(24, b"\xf0\0\0\0", id="size that is too large"),
        pytest.param(24, b"\3\0\0\0", id="size that is too small"),
        pytest.param(42, b"\5\0\0\0", id="place"),
        pytest.param(42, b"\xf0\xff\xff\xff", id="place outside"),
    ],
)
def test_a_directory_entry_that_lies_costs_its_file(method: int, place: int, value: bytes) -> None:
    data = bytearray(zipped([("a", b"x" * 100), ("b", b"y")], method))
    at = data.index(b"PK\1\2") + place
    data[at : at + 4] = value
    assert [content for _, content in walk(bytes(data))] == [None, b"y"]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"PK\5\6", id="cut end"),
        pytest.param(zipped([("a", b"x")])[:-1], id="cut"),
        pytest.param(zipped([("a", b"x")]).replace(b"PK\1\2", b"PK\1\3"), id="damaged directory"),
        pytest.param(zipped([("a", b"x")])[40:], id="without its beginning"),
    ],
)
def test_damage_is_told(data: bytes) -> None:
    assert error_of(data).reason == "damaged_archive"


@given(mutations(zipped([("a", b"x" * 100), ("b", b"y")])))
def test_whatever_the_bytes_are_there_is_no_other_error(data: bytes) -> None:
    try:
        walk(data)
    except ArchiveError:
        pass


def test_the_members_are_counted() -> None:
    data = zipped([(str(n), b"") for n in range(4)])
    assert len(walk(data, Budgets(members=4))) == 4
    assert "MAX_MEMBERS" in error_of(data, Budgets(members=3)).detail


def test_members_that_are_empty_are_refused_when_there_is_little_else() -> None:
    data = zipped([(str(number), b"") for number in range(20)])
    assert len(walk(data, Budgets(useless_members=20))) == 20
    assert "MAX_USELESS_MEMBERS" in error_of(data, Budgets(useless_members=19)).detail


def test_what_it_would_expand_to_is_counted() -> None:
    data = zipped([(str(n), bytes(2**20)) for n in range(20)])
    assert "MAX_EXPANSION_RATIO" in error_of(data, Budgets(ratio=20)).detail
    assert "MAX_EXPANDED_MIB" in error_of(data, Budgets(ratio=2000, expanded_bytes=2**21)).detail
