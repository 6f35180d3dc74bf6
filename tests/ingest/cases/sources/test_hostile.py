"""Archives that are made to do harm: nothing is written, and time and memory stay bounded.

Each is read by a process of its own, which tells what it opened and how much memory it took.
"""

import gzip
import io
import json
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from backports import zstd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.cases.sources.open import open_source
from models.errors import SourceError
from tests.support.executions import LID, mutations
from tests.support.sources import (
    ARCHIVES,
    LIMIT,
    SMALL,
    TARS,
    compressed,
    found_batches,
    placed,
    tar,
    write,
)

MIB = 2**20
MAX_MEMORY, MAX_SECONDS = 256, 10
OWN = f"own/{LID}/CaseStatus.{LID}"

_READ = """
import _strptime, encodings.cp437, json, pathlib, resource, sys, time
from ingest.archives.budgets import Budgets
from ingest.cases.sources.open import open_source
touched = []
def watch(event, arguments):
    if event == "open" or event.startswith(("os.", "shutil.", "subprocess.", "socket.")):
        touched.append([event, str(arguments[0]), str(arguments[1:2])])
def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = memory()
sys.addaudithook(watch)
source = open_source(pathlib.Path(sys.argv[1]), Budgets(**json.loads(sys.argv[2])))
read = {}
for batch in source.batches():
    for found, content in source.read(batch, 64 * 2**20):
        read[found.path.partition("!")[2]] = {n: len(d) for n, d in content.files.items()}
seen = list(touched)
damages = [[d.reason, d.detail] for d in source.damages]
cost = {"memory": memory() - before, "seconds": time.process_time()}
print(json.dumps({"read": read, "damages": damages, "seen": seen, **cost}))
"""


@dataclass(frozen=True)
class Outcome:
    """What reading an archive came to: the sizes of the files that were read, and what it cost."""

    read: dict[str, dict[str, int]]
    damages: list[tuple[str, str]]
    memory: int
    seconds: float
    seen: list[tuple[str, str, str]]


def read(path: Path, **budgets: int) -> Outcome:
    """Read an archive in a process of its own, and check what that cost."""
    command = [sys.executable, "-c", _READ, str(path), json.dumps(budgets)]
    answer = subprocess.run(command, capture_output=True, check=True, timeout=120)
    outcome = Outcome(**json.loads(answer.stdout))
    assert outcome.memory <= MAX_MEMORY
    assert outcome.seconds < MAX_SECONDS
    assert {event for event, *_ in outcome.seen} <= {"open"}
    assert {name for _, name, _ in outcome.seen} == {str(path)}
    assert {mode for *_, mode in outcome.seen} == {"('r',)"}
    return outcome


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


# Members that lead out of the archive.


def escapes(outside: str) -> list[tuple[tarfile.TarInfo, bytes]]:
    """Return members that would write to or read from `outside` if they were extracted."""
    long = "d" * 200
    chain = [
        (member(f"{LID}/{'a' * depth}", tarfile.SYMTYPE, f"{long}/{'a' * depth}"), b"")
        for depth in range(1, 17)
    ]
    return [
        (member(f"../{LID}/canary"), b"x"),
        (member(f"{outside}/{LID}/canary"), b"x"),
        (member(f"a/../../{LID}/canary"), b"x"),
        (member(f"{LID}/out", tarfile.SYMTYPE, outside), b""),
        (member(f"{LID}/out/canary"), b"x"),
        (member(f"{LID}/CaseStatus", tarfile.LNKTYPE, f"{outside}/canary"), b""),
        (member(f"{LID}/cpl.log", tarfile.SYMTYPE, f"{outside}/canary"), b""),
        (member(f"{LID}/e3sm_timing.x", tarfile.LNKTYPE, ""), b""),
        (member(f"{LID}/GIT_DESCRIBE", tarfile.CHRTYPE), b""),
        (member(f"{LID}/GIT_CONFIG", tarfile.FIFOTYPE), b""),
        *chain,
        (member(f"{LID}/{'a' * 16}/canary"), b"x"),
        (member(OWN), b"fine"),
    ]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "canary").write_bytes(b"secret")
    return tmp_path / "outside"


def tree(path: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def check_nothing_got_out(path: Path, above: Path) -> Outcome:
    before = tree(above)
    outcome = read(path)
    assert tree(above) == before
    assert not any("canary" in name or size == 6 for files in outcome.read.values()
                   for name, size in files.items())  # fmt: skip
    assert outcome.read[f"own/{LID}"] == {f"CaseStatus.{LID}": 4}
    return outcome


@pytest.mark.slow
@pytest.mark.parametrize("form", TARS)
def test_no_member_of_a_tar_leads_out_of_it(tmp_path: Path, outside: Path, form: str) -> None:
    path = tmp_path / f"a.{form}"
    path.write_bytes(compressed(tar(escapes(str(outside))), form))
    outcome = check_nothing_got_out(path, tmp_path)
    assert [reason for reason, _ in outcome.damages] == ["unsafe_name"]
    assert outcome.damages[0][1].startswith("3 files in it ")


@pytest.mark.slow
def test_no_member_of_a_zip_leads_out_of_it(tmp_path: Path, outside: Path) -> None:
    names = [f"../{LID}/canary", f"{outside}/{LID}/canary", f"..\\..\\{LID}/x", f"C:\\{LID}/x"]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
        link = zipfile.ZipInfo(f"{LID}/CaseStatus")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, str(outside / "canary"))
        archive.writestr(OWN, b"fine")
    outcome = check_nothing_got_out(tmp_path / "a.zip", tmp_path)
    assert [reason for reason, _ in outcome.damages] == ["unsafe_name"]


# Archives that expand without end.


def many_times(packed: Callable[[bytes], bytes], head: bytes, times: int) -> bytes:
    """Return a stream of `head` and 64 MiB of zeros, many times."""
    return packed(head) + packed(bytes(64 * MIB)) * times


@pytest.mark.slow
@pytest.mark.parametrize(("form", "pack"), [("tar.gz", gzip.compress), ("tar.zst", zstd.compress)])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, b"V"])
def test_a_bomb_of_10_gb_ends_soon(
    tmp_path: Path, form: str, pack: Callable[[bytes], bytes], kind: bytes
) -> None:
    info = member(f"bomb/{LID}/CaseStatus.{LID}", kind)
    info.size = 10 * 2**30
    head = tar([(member(OWN), b"fine"), (member(f"{LID}/x"), b"")])[:1536] + info.tobuf()
    (tmp_path / f"a.{form}").write_bytes(many_times(pack, head, 160))
    outcome = read(tmp_path / f"a.{form}")
    assert outcome.damages[0][0] == "over_budget"
    assert "MAX_EXPANSION_RATIO" in outcome.damages[0][1]
    assert set(outcome.read) <= {f"own/{LID}", LID}


@pytest.mark.slow
@pytest.mark.parametrize("form", TARS)
def test_what_is_gzipped_in_an_archive_stays_so(tmp_path: Path, form: str) -> None:
    inner = gzip.compress(gzip.compress(bytes(64 * MIB)))
    (tmp_path / f"a.{form}").write_bytes(compressed(tar([(member(OWN + ".gz"), inner)]), form))
    outcome = read(tmp_path / f"a.{form}")
    assert outcome.read == {f"own/{LID}": {f"CaseStatus.{LID}.gz": len(inner)}}


@pytest.mark.slow
@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
def test_a_header_of_50_mb_is_not_read(tmp_path: Path, kind: bytes) -> None:
    info = member("././@LongLink", kind)
    info.size = 50 * MIB
    head = tar([(member(OWN), b"fine")])[:1024] + info.tobuf()
    data = gzip.compress(head + b"a" * (50 * MIB), 1)
    (tmp_path / "a.tar.gz").write_bytes(data)
    outcome = read(tmp_path / "a.tar.gz")
    assert "MAX_HEADER_KIB" in outcome.damages[0][1]
    assert outcome.memory < 32


@pytest.mark.slow
def test_a_million_empty_members_of_a_tar_are_not_gone_through(tmp_path: Path) -> None:
    block = gzip.compress(member(f"a/{LID}/CaseStatus").tobuf() * 1000)
    (tmp_path / "a.tar.gz").write_bytes(block * 1000)
    assert [reason for reason, _ in read(tmp_path / "a.tar.gz").damages][:1] == ["over_budget"]


def executions(count: int) -> bytes:
    """Return the headers of as many executions of one empty file each."""
    header = member("1000000.250102-030405/x").tobuf(tarfile.GNU_FORMAT)
    zeros = int(header[148:154], 8)
    headers = []
    for number in range(count):
        digits = b"%07d" % (number + 10**6)
        total = zeros + sum(digits) - sum(b"1000000")
        headers.append(digits + header[7:148] + b"%06o" % total + header[154:])
    return b"".join(headers)


@pytest.mark.slow
@pytest.mark.parametrize("times", [pytest.param(1, id="in order"), pytest.param(2, id="scattered")])
def test_very_many_executions_take_little_memory(tmp_path: Path, times: int) -> None:
    count = 20_000 // times
    (tmp_path / "a.tar").write_bytes(executions(count) * times + bytes(1024))
    outcome = read(tmp_path / "a.tar")
    assert len(outcome.read) == count
    assert outcome.memory < 32


def test_a_sparse_file_of_1_tb_costs_nothing(tmp_path: Path) -> None:
    info = member(f"GNUSparseFile.1/CaseStatus.{LID}")
    keys = {"major": "1", "minor": "0", "name": f"own/{LID}/GIT_STATUS", "realsize": str(2**40)}
    info.pax_headers = {f"GNU.sparse.{key}": value for key, value in keys.items()}
    sparse = b"1\n0\n512\n".ljust(512, b"\0") + b"x" * 512
    (tmp_path / "a.tar").write_bytes(tar([(member(OWN), b"fine"), (info, sparse)]))
    outcome = read(tmp_path / "a.tar")
    assert outcome.read == {f"own/{LID}": {f"CaseStatus.{LID}": 4}}


# Zip files of which one part stands for many.


def overlapping(data: bytes, size: int, count: int, name: str) -> bytes:
    """Return a zip file with `count` entries that all have the same packed bytes."""
    path = name.encode()
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 33, 0, len(data), size, 0, 0)
    sizes = (len(data), size, len(path))
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 33, 0, *sizes, 0, 0, 0, 0, 0, 0)
    directory = (entry + path) * count
    start = len(local) + len(data)
    end = struct.pack(
        "<4s4H2LH", b"PK\5\6", 0, 0, count % 65536, count % 65536, len(directory), start, 0
    )
    return local + data + directory + end


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


@pytest.mark.slow
def test_entries_that_overlap_end_soon(tmp_path: Path) -> None:
    data = overlapping(deflated(bytes(60 * MIB)), 60 * MIB, 1000, f"{LID}/CaseStatus")
    (tmp_path / "a.zip").write_bytes(data)
    outcome = read(tmp_path / "a.zip")
    assert "MAX_EXPANSION_RATIO" in outcome.damages[0][1]


@pytest.mark.slow
def test_a_million_empty_members_of_a_zip_are_not_gone_through(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(overlapping(deflated(b""), 0, 10**6, f"{LID}/x"))
    outcome = read(tmp_path / "a.zip", members=10_000)
    assert "MAX_MEMBERS" in outcome.damages[0][1]


@pytest.mark.slow
def test_zips_in_a_zip_stay_so(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{LID}/CaseStatus", bytes(64 * MIB))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(16):
            archive.writestr(f"{number}.zip", inner.getvalue())
        archive.writestr(OWN, b"fine")
    assert read(tmp_path / "a.zip").read == {f"own/{LID}": {f"CaseStatus.{LID}": 4}}


# Whatever the bytes are.


@pytest.mark.slow
@pytest.mark.parametrize("form", ARCHIVES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.data())
def test_whatever_the_bytes_are_there_is_no_other_error(
    tmp_path: Path, form: str, data: st.DataObject
) -> None:
    valid = write(tmp_path, form, placed(SMALL, f"a/{LID}", f"b/{LID}")).read_bytes()
    packed = data.draw(mutations(valid))
    if form not in {"tar", "zip"} and data.draw(st.booleans()):  # damaged below the compression
        raw = write(tmp_path, "tar", placed(SMALL, f"a/{LID}", f"b/{LID}")).read_bytes()
        packed = compressed(data.draw(mutations(raw)), form)
    path = tmp_path / f"bad.{form}"
    path.write_bytes(packed)
    try:
        source = open_source(path)
        for batch in found_batches(source):
            for found, content in source.read(batch, LIMIT):
                assert content.files.keys() <= set(found.inventory.files.values())
    except SourceError:
        pass
