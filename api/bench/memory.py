"""The peak memory of an import, for archives of several sizes."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from api.bench.sample_source import SampleSource
from api.bench.scratch_database import empty_database, temporary_server
from ingest.importing import ImportOptions, import_paths
from ingest.sample import SampleArchive, SampleOptions
from models.settings import Settings

_EXECUTIONS_OF_CASE = 5
_SAMPLING_SECONDS = 0.1


def measure_memory(sizes: Sequence[int], jobs: int) -> dict[str, Any]:
    """Return the peak of resident memory in MiB, and the seconds, for each number of executions.

    The memory is the sum over this process and its descendants, except MongoDB's.
    """
    figures = []
    with temporary_server() as (settings, _):
        for size in sizes:
            began = time.perf_counter()
            with _peak() as peak:
                asyncio.run(_import(settings, size, jobs))
            seconds = time.perf_counter() - began
            figures.append({"executions": size, "peakMiB": peak[0] / 2**20, "seconds": seconds})
    ratio = figures[-1]["peakMiB"] / figures[0]["peakMiB"]
    return {"jobs": jobs, "sizes": figures, "lastToFirst": ratio}


async def _import(settings: Settings, size: int, jobs: int) -> None:
    cases = -(-size // _EXECUTIONS_OF_CASE)
    archive = SampleArchive(
        SampleOptions(cases=cases, executions=_EXECUTIONS_OF_CASE, failures=False)
    )
    async with empty_database(settings) as database:
        await import_paths(database, [SampleSource(archive)], ImportOptions(jobs=jobs))


@contextmanager
def _peak() -> Iterator[list[int]]:
    """Yield a list whose only item is the largest resident memory so far, in bytes.

    The memory is sampled ten times a second.
    """
    peak = [0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_SAMPLING_SECONDS):
            peak[0] = max(peak[0], sum(map(_resident, _python_processes(os.getpid()))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def _python_processes(pid: int) -> Iterator[int]:
    """Yield a process and those of its descendants that run Python."""
    yield pid
    for child in _children(pid):
        if _is_python(child):
            yield from _python_processes(child)


def _is_python(pid: int) -> bool:
    try:
        return "python" in str(Path(f"/proc/{pid}/exe").readlink())
    except OSError:
        return False  # the process has ended in the meantime


def _children(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            yield from map(int, _parts(thread / "children", " "))


def _resident(pid: int) -> int:
    """Return the proportional set size of a process in bytes.

    Of memory that is shared by several processes, each process counts its proportion, so that the
    sizes of all processes can be added.
    """
    fields = (line.split() for line in _parts(Path(f"/proc/{pid}/smaps_rollup"), "\n"))
    return sum(int(words[1]) for words in fields if words[0] == "Pss:") * 1024


def _parts(path: Path, separator: str) -> list[str]:
    """Return the non-empty parts of a file in /proc, none when its thread or process has ended."""
    try:
        text = path.read_text(encoding="ascii")
    except OSError:
        return []
    return [part for part in text.split(separator) if part.strip()]
