"""Tar files say what the standard library reads in them, in every form, and damage is told."""

import gzip
import io
import os
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.archives.budgets import Budgets
from ingest.archives.reader import ArchiveError, Member
from ingest.archives.streams import open_stream
from ingest.archives.tar import TarReader
from tests.support.sources import tar

Format = Literal[0, 1, 2]
FORMATS: list[Format] = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
Listed = list[tuple[Member, bytes | None]]


def walk(data: bytes, budgets: Budgets | None = None, size: int = 10_000) -> Listed:
    """Go through a tar file, and return its members with their content."""
    budgets = budgets or Budgets()
    with os.fdopen(os.memfd_create("tar"), "r+b") as file:
        file.write(data)
        file.seek(0)
        way = TarReader(open_stream(file, budgets), budgets)
        return [(m, None if m.target is not None else way.read(size)) for m in way.members()]


def error_of(data: bytes, budgets: Budgets | None = None) -> ArchiveError:
    with pytest.raises(ArchiveError) as caught:
        walk(data, budgets)
    return caught.value


def as_tarfile_reads(data: bytes) -> Listed:
    found: Listed = []
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for info in archive:
            modified = int(info.mtime)
            if info.islnk():
                found.append((Member(info.name, 0, modified, info.linkname), None))
            elif info.isreg():
                stream = archive.extractfile(info)
                assert stream is not None
                found.append((Member(info.name, info.size, modified), stream.read(10_000)))
    return found


names = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=150
).filter(lambda name: not name.endswith("/"))


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    buffer = io.BytesIO()
    form = draw(st.sampled_from(FORMATS))
    kinds = st.sampled_from([tarfile.REGTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE])
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name in draw(st.lists(names, max_size=5)):
            info = tarfile.TarInfo(name)
            info.type = draw(kinds)
            info.mtime = draw(st.integers(0, 2**33 - 1))
            data = draw(st.binary(max_size=1100)) if info.type == tarfile.REGTYPE else b""
            info.size = len(data)
            if info.type in {tarfile.LNKTYPE, tarfile.SYMTYPE}:
                info.linkname = draw(names)
            try:
                archive.addfile(info, io.BytesIO(data))
            except ValueError:  # what ustar cannot hold
                continue
    return buffer.getvalue()


@given(archives())
def test_it_reads_what_the_standard_library_reads(data: bytes) -> None:
    assert walk(data) == as_tarfile_reads(data)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("size", [8**11 - 1, 8**11, 2**40])
def test_the_size_of_a_large_file_is_read(form: Format, size: int) -> None:
    info = tarfile.TarInfo("large")
    info.size = size
    if form == tarfile.USTAR_FORMAT and size >= 8**11:  # which it cannot hold
        return
    assert "in the middle" in error_of(info.tobuf(form) + bytes(512)).detail


@pytest.mark.parametrize(
    ("mtime", "expected"),
    [(1.75, 1), (-2.5, -2), (-3, -3), (2**60, 0), (8**11, 8**11)],
)
def test_odd_times_are_read(mtime: float, expected: int) -> None:
    info = tarfile.TarInfo("a")
    info.mtime = mtime
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        if form == tarfile.PAX_FORMAT or isinstance(mtime, int):
            ((member, _),) = walk(info.tobuf(form) + bytes(512))
            assert member.modified == expected


def test_a_global_header_counts_for_what_follows() -> None:
    buffer = io.BytesIO()
    headers = {"mtime": "77", "comment": "x"}
    with tarfile.open(fileobj=buffer, mode="w", pax_headers=headers) as archive:
        archive.addfile(tarfile.TarInfo("a"))
    assert [member.modified for member, _ in walk(buffer.getvalue())] == [77]


def test_a_checksum_over_signed_bytes_is_right() -> None:
    info = tarfile.TarInfo("\u00fc" * 10)
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    signed = sum(struct.unpack("148b8x356b", header)) + 256
    header[148:156] = b"%06o\0 " % signed
    assert len(walk(bytes(header) + bytes(512))) == 1


def test_no_more_of_a_file_is_read_than_wanted() -> None:
    data = tar([(tarfile.TarInfo(name), name.encode() * 3000) for name in "ab"])
    assert [content for _, content in walk(data, size=5)] == [b"aaaaa", b"bbbbb"]


# Sparse files.


def gnu_sparse(more: int) -> bytes:
    """Return a sparse file of 1 TiB in GNU's old form, with `more` blocks of its map."""
    info = tarfile.TarInfo("sparse")
    info.size = 512
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[156:157] = b"S"
    header[482] = min(more, 1)
    header[483:495] = (2**40).to_bytes(12, "big")
    header[483] = 0x80
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    blocks = b"".join(bytes(504) + bytes([i < more - 1]) + bytes(7) for i in range(more))
    return bytes(header) + blocks + b"x" * 512


def pax_sparse() -> bytes:
    info = tarfile.TarInfo("GNUSparseFile.1/sparse")
    info.size = 1024
    keys = {"major": "1", "minor": "0", "name": "sparse", "realsize": str(2**40)}
    info.pax_headers = {f"GNU.sparse.{key}": value for key, value in keys.items()}
    return info.tobuf(tarfile.PAX_FORMAT) + b"1\n0\n512\n".ljust(512, b"\0") + b"x" * 512


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(gnu_sparse(0), id="GNU"),
        pytest.param(gnu_sparse(3), id="GNU with a long map"),
        pytest.param(pax_sparse(), id="PAX"),
    ],
)
def test_a_sparse_file_has_its_size_and_costs_nothing(data: bytes) -> None:
    after = tar([(tarfile.TarInfo("after"), b"y")])
    assert [(m.name, m.size, c) for m, c in walk(data + after)] == [
        ("sparse", 2**40, None), ("after", 1, b"y"),
    ]  # fmt: skip


# Budgets and damage.


def test_a_huge_header_is_refused_before_it_is_read() -> None:
    for kind in (b"x", b"g", b"L", b"K"):
        info = tarfile.TarInfo("././@LongLink")
        info.type, info.size = kind, 2**20
        header = info.tobuf(tarfile.GNU_FORMAT)
        error = error_of(header)
        assert (error.reason, "MAX_HEADER_KIB" in error.detail) == ("over_budget", True)


def test_many_headers_before_a_member_are_refused() -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = b"L", 1000
    one = info.tobuf(tarfile.GNU_FORMAT) + b"a" * 1000 + bytes(24)
    assert len(walk(tar([(tarfile.TarInfo("a" * 101), b"")] * 100), Budgets(header_bytes=4096)))
    assert "4096" in error_of(one * 3, Budgets(header_bytes=4096)).detail


def test_the_map_of_a_sparse_file_is_a_part_of_its_header() -> None:
    assert "MAX_HEADER_KIB" in error_of(gnu_sparse(3000)).detail


def test_the_members_are_counted() -> None:
    data = tar([(tarfile.TarInfo(str(n)), b"") for n in range(4)])
    assert len(walk(data, Budgets(members=4))) == 4
    error = error_of(data, Budgets(members=3))
    assert error.detail == "it has more than 3 members (CASELEDGER_MAX_MEMBERS)"


def pax(records: bytes) -> bytes:
    info = tarfile.TarInfo("pax")
    info.type, info.size = b"x", len(records)
    return info.tobuf(tarfile.GNU_FORMAT) + records.ljust(512, b"\0")


def at(place: slice, field: bytes) -> bytes:
    header = bytearray(tarfile.TarInfo("a").tobuf(tarfile.GNU_FORMAT))
    header[place] = field
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: b"", id="empty"),
        pytest.param(lambda: b"x" * 100, id="part of a block"),
        pytest.param(lambda: b"\1" * 512, id="no header"),
        pytest.param(lambda: at(slice(124, 136), b"x" * 12), id="no number"),
        pytest.param(lambda: at(slice(124, 136), b"-1".ljust(12)), id="negative size"),
        pytest.param(lambda: at(slice(124, 136), b"\xff" * 12), id="negative binary size"),
        pytest.param(lambda: at(slice(124, 136), b"\x80" + b"\xff" * 11), id="huge size"),
        pytest.param(lambda: tar([])[:512][:-1], id="cut end"),
        pytest.param(lambda: pax(b"9 a=b\n"), id="wrong length"),
        pytest.param(lambda: pax(b"0 a=b\n"), id="no length"),
        pytest.param(lambda: pax(b"-6 a=b\n"), id="negative length"),
        pytest.param(lambda: pax(b"1" * 512), id="only digits"),
        pytest.param(lambda: pax(b"10 size=x\n") + at(slice(0), b""), id="size in words"),
        pytest.param(lambda: pax(b"6 a=b\n") + bytes(512), id="header without a member"),
        pytest.param(lambda: pax(b"x")[:512], id="header without its data"),
        pytest.param(lambda: gnu_sparse(1)[:600], id="sparse map without its end"),
    ],
)
def test_damage_is_told(make: Callable[[], bytes]) -> None:
    error = error_of(make())
    assert (error.reason, error.is_trusted) == ("damaged_archive", True)


def test_a_mega_byte_of_digits_takes_no_time(tmp_path: Path) -> None:
    info = tarfile.TarInfo("pax")
    info.type, info.size = b"x", 2**20 - 512
    header = info.tobuf(tarfile.GNU_FORMAT)
    assert error_of(header + b"1" * (2**20 - 512)).reason == "damaged_archive"


def small_members(names: list[str], content: bytes = b"") -> list[tuple[tarfile.TarInfo, bytes]]:
    return [(tarfile.TarInfo(name), content) for name in names]


def test_members_that_are_empty_are_refused_when_there_is_little_else() -> None:
    names = [f"d{number}" for number in range(20)]
    assert len(walk(tar(small_members(names)), Budgets(useless_members=20))) == 20
    error = error_of(tar(small_members(names)), Budgets(useless_members=19))
    assert error.reason == "over_budget"
    assert "more than 19 members are empty or belong to nothing" in error.detail
    assert "CASELEDGER_MAX_USELESS_MEMBERS" in error.detail


def test_members_of_little_size_count_when_they_belong_to_nothing() -> None:
    names = [f"{number}.json" for number in range(1500)]
    data = gzip.compress(tar(small_members(names, b"{}")))
    assert len(walk(data, Budgets(useless_members=10))) == 1500

    def is_xml(name: str) -> bool:
        return name.endswith(".xml")

    error = error_of(data, Budgets(useless_members=10, may_belong=is_xml))
    assert "MAX_USELESS_MEMBERS" in error.detail


def test_as_many_useful_members_as_empty_ones_are_no_junk() -> None:
    names = [f"d{number}" for number in range(1500)]
    mixed = [
        member
        for name in names
        for member in (*small_members([name]), *small_members([name], os.urandom(200)))
    ]
    assert len(walk(gzip.compress(tar(mixed)), Budgets(useless_members=10))) == 3000


def test_a_member_with_more_extended_headers_than_it_needs_is_refused_in_the_end() -> None:
    header = tarfile.TarInfo("x")
    header.type = tarfile.XGLTYPE
    many = tar([*[(header, b"")] * 40, *small_members(["a"], b"x")])
    assert "MAX_USELESS_MEMBERS" in error_of(many, Budgets(useless_members=10)).detail


@pytest.mark.parametrize("byte", [0, 1, 127, 128, 255])
def test_the_sum_of_a_header_is_right_for_every_byte(byte: int) -> None:
    info = tarfile.TarInfo("n")
    data = bytearray(tar([(info, b"x")]))
    data[400:500] = bytes([byte]) * 100
    data[148:156] = b"        "
    data[148:156] = b"%06o\0 " % sum(data[:512])
    assert next(member.name for member, _ in walk(bytes(data))).endswith("n")
