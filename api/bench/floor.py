"""The floor of an import: the time just to read, inflate and XML-parse the files of an archive.

The processes that do this import this module only, and thus nothing but lxml.
"""

import multiprocessing
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from lxml import etree

_BATCH_SIZE = 16
_GZIP_WINDOW = 31  # zlib's `wbits` for a gzip header and trailer
_GZIP_MAGIC = b"\x1f\x8b"


def read_floor(executions: Sequence[Sequence[tuple[str, str]]], jobs: int) -> float:
    """Return the seconds to read and inflate all files, and to parse those that are XML.

    Each execution is given as pairs of the path of a file and its artefact, such as `env_run`. The
    start of the `jobs` processes is included.
    """
    batches = [
        executions[start : start + _BATCH_SIZE] for start in range(0, len(executions), _BATCH_SIZE)
    ]
    began = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        list(pool.map(_read_batch, batches))
    return time.perf_counter() - began


def _read_batch(executions: Sequence[Sequence[tuple[str, str]]]) -> int:
    return sum(_read(path, artefact) for files in executions for path, artefact in files)


def _read(path: str, artefact: str) -> int:
    data = Path(path).read_bytes()
    if data.startswith(_GZIP_MAGIC):
        data = zlib.decompress(data, _GZIP_WINDOW)
    if artefact.startswith("env_"):
        etree.fromstring(data)
    return len(data)
