"""The speed of an import, as a ratio to the time just to read the same files."""

import os
import time
from pathlib import Path
from typing import Any

from api.bench.floor import read_floor
from api.bench.scratch_database import empty_database, temporary_server
from ingest.cases.sources.open import open_source
from ingest.importing import ImportOptions, import_paths
from ingest.sample import SampleArchive, SampleOptions


async def measure_import(cases: int, executions: int, jobs: int, rounds: int) -> dict[str, Any]:
    """Return the least seconds of the floor, of a first and of a second import, and their ratios.

    The second import is also compared with a bare walk over the tree, which is the simplest way to
    find out that no file has changed.
    """
    options = SampleOptions(cases=cases, executions=executions, payload="full", failures=False)
    floors: list[float] = []
    firsts: list[float] = []
    seconds: list[float] = []
    walks: list[float] = []
    with temporary_server() as (settings, root):
        SampleArchive(options).write_tree(root)
        files = [
            [
                (f"{execution.path}/{path}", artefact)
                for artefact, path in execution.inventory.files.items()
            ]
            for execution in open_source(root).find()
        ]
        for _ in range(rounds):
            floors.append(read_floor(files, jobs))
            walks.append(walk_floor(root))
            async with empty_database(settings) as database:
                for durations in (firsts, seconds):
                    began = time.perf_counter()
                    await import_paths(database, [root], ImportOptions(jobs=jobs))
                    durations.append(time.perf_counter() - began)
    floor, first, second, walk = map(min, (floors, firsts, seconds, walks))
    return {
        "executions": len(files),
        "files": sum(map(len, files)),
        "jobs": jobs,
        "seconds": {"floor": floor, "first": first, "second": second, "walk": walk},
        "executionsPerSecond": len(files) / first,
        "firstToFloor": first / floor,
        "secondToFirst": second / first,
        "secondToWalk": second / walk,
    }


def walk_floor(root: Path) -> float:
    """Return the seconds to list all directories of a tree, and to `stat` each file."""
    began = time.perf_counter()
    directories = [str(root)]
    while directories:
        with os.scandir(directories.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    directories.append(entry.path)
                else:
                    entry.stat(follow_symlinks=False)
    return time.perf_counter() - began
