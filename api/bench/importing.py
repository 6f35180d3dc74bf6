"""How fast an import is, beside what reading the same files takes at least."""

import os
import time
from pathlib import Path
from typing import Any

from api.bench.floor import read_floor
from api.bench.scratch_database import empty_database, temporary_place
from ingest.cases.sources.open import open_source
from ingest.importing import ImportOptions, import_paths
from ingest.sample import SampleArchive, SampleOptions


async def measure_import(cases: int, executions: int, jobs: int, rounds: int) -> dict[str, Any]:
    """Return the seconds of the floor, a first import and a second one, and their ratios.

    Beside the second one stands the walk that finds that no file has changed.
    """
    options = SampleOptions(cases=cases, executions=executions, payload="full", failures=False)
    floors: list[float] = []
    firsts: list[float] = []
    seconds: list[float] = []
    walks: list[float] = []
    with temporary_place() as (settings, files):
        SampleArchive(options).write_tree(files)
        wanted = [
            [(f"{found.path}/{path}", artefact) for artefact, path in found.inventory.files.items()]
            for found in open_source(files).find()
        ]
        for _ in range(rounds):
            floors.append(read_floor(wanted, jobs))
            walks.append(walk_floor(files))
            async with empty_database(settings) as database:
                for times in (firsts, seconds):
                    began = time.perf_counter()
                    await import_paths(database, [files], ImportOptions(jobs=jobs))
                    times.append(time.perf_counter() - began)
    floor, first, second, walk = map(min, (floors, firsts, seconds, walks))
    return {
        "executions": len(wanted),
        "files": sum(map(len, wanted)),
        "jobs": jobs,
        "seconds": {"floor": floor, "first": first, "second": second, "walk": walk},
        "executionsPerSecond": len(wanted) / first,
        "firstToFloor": first / floor,
        "secondToFirst": second / first,
        "secondToWalk": second / walk,
    }


def walk_floor(root: Path) -> float:
    """Return the seconds to list a tree, and to ask for the size and time of each file."""
    began = time.perf_counter()
    waiting = [str(root)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    entry.stat(follow_symlinks=False)
    return time.perf_counter() - began
