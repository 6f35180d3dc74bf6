"""How much memory an import takes, whatever the size of the archive."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from api.bench.sample_source import SampleSource
from api.bench.scratch_database import empty_database, temporary_place
from ingest.importing import ImportOptions, import_paths
from ingest.sample import SampleArchive, SampleOptions
from models.settings import Settings

_OF_A_CASE = 5
_PAUSE = 0.1


def measure_memory(sizes: Sequence[int], jobs: int) -> dict[str, Any]:
    """Return the peak of resident memory in MiB, and the seconds, for each number of executions.

    The memory is that of this process and all below it together, without MongoDB's.
    """
    found = []
    with temporary_place() as (settings, _):
        for size in sizes:
            began = time.perf_counter()
            with _peak() as peak:
                asyncio.run(_import(settings, size, jobs))
            seconds = time.perf_counter() - began
            figures = {"executions": size, "peakMiB": peak[0] / 2**20, "seconds": seconds}
            found.append(figures)
    return {"jobs": jobs, "sizes": found, "lastToFirst": found[-1]["peakMiB"] / found[0]["peakMiB"]}


async def _import(settings: Settings, size: int, jobs: int) -> None:
    cases = -(-size // _OF_A_CASE)
    archive = SampleArchive(SampleOptions(cases=cases, executions=_OF_A_CASE, failures=False))
    async with empty_database(settings) as database:
        await import_paths(database, [SampleSource(archive)], ImportOptions(jobs=jobs))


@contextmanager
def _peak() -> Iterator[list[int]]:
    """Give a list whose one item is the largest resident memory seen, in bytes."""
    peak = [0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_PAUSE):
            peak[0] = max(peak[0], sum(map(_resident, _python_processes(os.getpid()))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def _python_processes(pid: int) -> Iterator[int]:
    """Give a process and those below it, as far as they are Python's."""
    yield pid
    for child in _children(pid):
        if _is_python(child):
            yield from _python_processes(child)


def _is_python(pid: int) -> bool:
    try:
        return "python" in str(Path(f"/proc/{pid}/exe").readlink())
    except OSError:
        return False  # it has ended meanwhile


def _children(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            yield from map(int, _lines(thread / "children", " "))


def _resident(pid: int) -> int:
    """Return the memory of a process; of what it shares with others, its part."""
    told = (line.split() for line in _lines(Path(f"/proc/{pid}/smaps_rollup"), "\n"))
    return sum(int(words[1]) for words in told if words[0] == "Pss:") * 1024


def _lines(path: Path, separator: str) -> list[str]:
    """Return what a file of the kernel tells; nothing when its thread or process has ended."""
    try:
        text = path.read_text(encoding="ascii")
    except OSError:
        return []
    return [line for line in text.split(separator) if line.strip()]
