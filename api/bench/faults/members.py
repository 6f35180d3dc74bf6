"""A replica set of three on this machine, whose members can be killed and started again."""

import random
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from api.bench.faults.ports import free_ports
from models.database.replica_set import initiate, primary_of, step_down
from models.embedded.program import find_mongod
from models.settings import Settings

_NAME = "faults"
_START_SECONDS = 60.0
_STOP_SECONDS = 60.0


class Member:
    """One mongod, with MongoDB's own time limits."""

    def __init__(self, program: str, root: Path, port: int) -> None:
        self.address = f"127.0.0.1:{port}"
        self.uri = f"mongodb://{self.address}/?directConnection=true"
        root.mkdir()
        self._command = [
            program, "--replSet", _NAME, "--dbpath", str(root), "--port", str(port),
            "--bind_ip", "127.0.0.1", "--nounixsocket", "--logpath", f"{root}.log", "--logappend",
            "--oplogSize", "256", "--wiredTigerCacheSizeGB", "0.25", "--noscripting",
            "--setParameter", "diagnosticDataCollectionEnabled=false",
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started and neither killed nor stopped."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, unless it runs."""
        if not self.is_running:
            self._process = subprocess.Popen(
                self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_STOP_SECONDS)


class ReplicaSet:
    """Three members; at least two of them run, except when `kill` is told otherwise."""

    def __init__(self, root: Path, chance: random.Random) -> None:
        program = find_mongod(Settings())
        self.members = [
            Member(program, root / str(number), port) for number, port in enumerate(free_ports(3))
        ]
        addresses = ",".join(member.address for member in self.members)
        self.url = f"mongodb://{addresses}/?replicaSet={_NAME}"
        self._chance = chance

    def start(self) -> None:
        """Start all members, and wait for a primary."""
        for member in self.members:
            member.start()
        initiate(self.members[0].uri, _NAME, [member.address for member in self.members])
        self.wait_for_primary()

    def wait_for_primary(self) -> Member:
        """Return the primary as soon as there is one; RuntimeError when none is elected."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if (primary := self.primary()) is not None:
                return primary
            time.sleep(0.1)
        raise RuntimeError("the replica set has no primary")

    def primary(self) -> Member | None:
        """Return the member that is the primary, or None when there is none."""
        running = [member for member in self.members if member.is_running]
        address = primary_of([member.uri for member in running])
        return next((member for member in running if member.address == address), None)

    def fault(self) -> str:
        """Do some harm, set it right after some seconds, and return what it was."""
        kind = self._chance.choice(["kill primary", "kill a member", "step down", "kill two"])
        primary = self.wait_for_primary()
        if kind == "step down":
            step_down(primary.uri)
            return kind
        victims: Sequence[Member] = [primary]
        if kind != "kill primary":
            victims = self._chance.sample(self.members, 2 if kind == "kill two" else 1)
        for member in victims:
            member.kill()
        time.sleep(self._chance.uniform(1, 15))  # an election takes about 10 seconds
        for member in victims:
            member.start()
        return kind


@contextmanager
def replica_set(root: Path, chance: random.Random) -> Iterator[ReplicaSet]:
    """Yield a replica set that runs below `root`, and kill it at the end."""
    found = ReplicaSet(root, chance)
    try:
        found.start()
        yield found
    finally:
        for member in found.members:
            member.kill()
