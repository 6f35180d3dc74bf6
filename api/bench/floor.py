"""What it takes at least to read the files of an archive; its processes import nothing else."""

import multiprocessing
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from lxml import etree

_PORTION = 16
_GZIP_WINDOW = 31


def read_floor(wanted: Sequence[Sequence[tuple[str, str]]], jobs: int) -> float:
    """Return the seconds to read and inflate these files, and to parse those that are XML."""
    portions = [wanted[start : start + _PORTION] for start in range(0, len(wanted), _PORTION)]
    began = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        list(pool.map(_read_portion, portions))
    return time.perf_counter() - began


def _read_portion(executions: Sequence[Sequence[tuple[str, str]]]) -> int:
    return sum(_read(path, artefact) for files in executions for path, artefact in files)


def _read(path: str, artefact: str) -> int:
    data = Path(path).read_bytes()
    if data.startswith(b"\x1f\x8b"):
        data = zlib.decompress(data, _GZIP_WINDOW)
    if artefact.startswith("env_"):
        etree.fromstring(data)
    return len(data)
