"""The resident memory of a process over time, and how fast it grows."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

Sample = tuple[float, float]
"""Minutes since the beginning, and MiB."""

_SAMPLING_SECONDS = 1.0


@contextmanager
def sampled_memory(pid: int) -> Iterator[list[Sample]]:
    """Yield a list to which the memory of a process is added every second."""
    samples: list[Sample] = []
    done = threading.Event()
    began = time.monotonic()

    def watch() -> None:
        while not done.wait(_SAMPLING_SECONDS):
            samples.append(((time.monotonic() - began) / 60, resident_mib(pid)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield samples
    finally:
        done.set()
        watcher.join()


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def slope(samples: Sequence[Sample]) -> float:
    """Return by how many MiB a minute memory grows, by least squares; 0 for less than two."""
    if len(samples) < 2:
        return 0.0
    mean_time = sum(minutes for minutes, _ in samples) / len(samples)
    mean_size = sum(size for _, size in samples) / len(samples)
    spread = sum((minutes - mean_time) ** 2 for minutes, _ in samples)
    return sum((m - mean_time) * (size - mean_size) for m, size in samples) / spread


def by_part(samples: Sequence[Sample], parts: int) -> list[dict[str, float]]:
    """Return mean and growth in each of so many parts of the time."""
    count = max(1, len(samples) // parts)
    pieces = [samples[at : at + count] for at in range(0, count * parts, count)]
    return [
        {
            "untilMinute": round(piece[-1][0], 1),
            "MiB": round(sum(size for _, size in piece) / len(piece), 1),
            "MiBPerMinute": round(slope(piece), 2),
        }
        for piece in pieces
        if piece
    ]
