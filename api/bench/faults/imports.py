"""Imports of a generated archive as processes, one after another, while servers are killed."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from api.bench.service import environment
from ingest.sample import SampleArchive, SampleOptions
from models.settings import Settings

_CASES, _EXECUTIONS = 120, 5
_SHARDS = 12
_DONE, _DATABASE_FAILED = 0, 4


class Imports:
    """Imports of the shards of an archive, one after another, all over again."""

    def __init__(self, settings: Settings, tree: Path) -> None:
        archive = SampleArchive(SampleOptions(cases=_CASES, executions=_EXECUTIONS, failures=False))
        archive.write_tree(tree)
        self.expected = sum(len(case.executions) for case in archive.cases)
        self.exits: Counter[int] = Counter()
        self.messages: dict[str, str] = {}
        self._settings, self._tree = settings, tree

    def run(self, *options: str) -> int:
        """Import once; return and count how it exits."""
        process = caseledger(self._settings, "import", str(self._tree), "--jobs", "1", *options)
        self.exits[process.returncode] += 1
        if process.returncode != _DONE:
            self.messages.setdefault(str(process.returncode), process.stderr[-300:])
        return process.returncode

    @contextmanager
    def running(self) -> Iterator[None]:
        """Import again and again, as long as the body runs."""
        stop = threading.Event()

        def run() -> None:
            number = 0
            while not stop.is_set():
                self.run("--list-again", "--shard", f"{number % _SHARDS + 1}/{_SHARDS}")
                number += 1
                stop.wait(0.5)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def unexpected_exits(self) -> list[str]:
        """Return the exits that are neither a success nor a lost database."""
        return [
            f"an import exits with {code}"
            for code in self.exits
            if code not in (_DONE, _DATABASE_FAILED)
        ]

    def figures(self) -> dict[str, Any]:
        """Return how often an import exited how, and what the first of each kind said."""
        exits = {str(code): count for code, count in sorted(self.exits.items())}
        return {"executions": self.expected, "exits": exits, "messages": self.messages}


def caseledger(settings: Settings, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of `caseledger` on the database of the settings."""
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *arguments],
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
