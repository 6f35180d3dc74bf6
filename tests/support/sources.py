"""Sources for tests: the same files as a directory and as every kind of archive."""

import io
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from backports import zstd

from ingest.cases.sources.base import ExecutionDirectory, Source
from tests.support.executions import LID, packed

OTHER = "2000.250203-040506"
PLACE = "chrysalis/performance_archive/jdoe/case"
LIMIT = 10_000
SMALL = {f"CaseStatus.{LID}": b"status", f"GIT_DESCRIBE.{LID}": b"v1"}
FORMS = ["directory", "tar", "tgz", "tar.gz", "tar.zst", "tzst", "zip"]
TARS = [form for form in FORMS if "t" in form and form != "directory"]
ARCHIVES = FORMS[1:]

Files = Mapping[str, bytes]


def placed(files: Files, *directories: str) -> dict[str, bytes]:
    """Put the same files into several directories."""
    return {f"{d}/{path}": data for d in directories for path, data in files.items()}


def write(path: Path, form: str, files: Files) -> Path:
    """Write files as a directory or an archive, and return where it is."""
    target = path / (f"a.{form}" if form != "directory" else "tree")
    if form == "directory":
        target.mkdir()
        for name, data in files.items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes(data)
    elif form == "zip":
        write_zip(target, list(files.items()))
    else:
        target.write_bytes(tar([(tarfile.TarInfo(name), data) for name, data in files.items()]))
        target.write_bytes(compressed(target.read_bytes(), form))
    return target


def compressed(data: bytes, form: str) -> bytes:
    if form == "tar":
        return data
    if form.endswith("zst"):
        return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})
    return packed(data)


def write_zip(target: Path, members: list[tuple[str, bytes]]) -> None:
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in members:
            archive.writestr(name, data)


def tar(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def inside(found: ExecutionDirectory, path: Path) -> str:
    return found.path.removeprefix(str(path)).lstrip("!/")


def found_batches(source: Source) -> Iterator[list[ExecutionDirectory]]:
    """Give the directories of a source as an import reads them, each listed."""
    for batch in source.batches():
        yield [found for place in batch if (found := source.list_files(place))]


def contents(source: Source, limit: int = LIMIT) -> dict[str, dict[str, bytes]]:
    """Read everything that the source finds, by directory and path."""
    given: dict[str, dict[str, bytes]] = {}
    for found, content in source.read(list(source.find()), limit):
        if content.directory is not None:
            root = Path(content.directory)
            files = {path: (root / path).read_bytes() for path in found.inventory.files.values()}
        else:
            files = dict(content.files)
        given[inside(found, source.path)] = files
    return given


def reasons(source: Source) -> list[str]:
    return [damage.reason for damage in source.damages]
