"""Writers over REST: each notes what was acknowledged, and in the end looks whether it is there.

A write without a good answer may have happened or not: it may be there, but never twice.
"""

import json
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from api.bench.faults.client import Client
from ingest.sample.specs import sample_document

MACHINE = "faults"
"""The machine of the cases that the writers record."""

_NODES = 12
_CHANGES_OF_BUILD = 6
_PAUSE_SECONDS = 0.02
_FAILED_PAUSE_SECONDS = 0.2


class Writer(ABC):
    """A client that writes again and again; `number` tells the writers of a kind apart."""

    kind: str

    def __init__(self, client: Client, number: int) -> None:
        self.client = client
        self.number = number
        self.count = 0
        self.acknowledged = 0
        self.lost: list[str] = []
        self.doubled: list[str] = []

    @property
    def name(self) -> str:
        """A name that no other write has."""
        return f"{self.kind}-{self.number}-{self.count}"

    def write(self) -> bool:
        """Write once more; return whether that was acknowledged."""
        self.count += 1
        is_acknowledged = self.write_next()
        self.acknowledged += is_acknowledged
        return is_acknowledged

    @abstractmethod
    def write_next(self) -> bool:
        """Write once; return whether that was acknowledged."""

    @abstractmethod
    def check(self) -> None:
        """Fill `lost` and `doubled` from what is stored."""


class BuildWriter(Writer):
    """Records a build, reports on it some times, and begins with the next one."""

    kind = "build"

    def __init__(self, client: Client, number: int) -> None:
        super().__init__(client, number)
        self._possible: dict[str, set[str]] = {}
        self._recent = ""

    def write_next(self) -> bool:
        """Record a build, or give it another tag."""
        if self.count % _CHANGES_OF_BUILD == 1 or not self._recent:
            return self._begin()
        log = f"==> Executing phase: 'build'\na.c:1:1: error: {self.name}\n"
        path = f"/builds/{self._recent}"
        if self.count % _CHANGES_OF_BUILD == 0:
            return self.client.send("build log", "PUT", f"{path}/log", log.encode()).is_well
        tags = {"tags": [self.name]}
        is_well = self.client.send("build change", "PATCH", path, tags).is_well
        if is_well:
            self._possible[self._recent] = {self.name}
        else:
            self._possible[self._recent].add(self.name)
        return is_well

    def _begin(self) -> bool:
        moment = f"2026-01-02T{self.number % 24:02}:00:00.{self.count:06}"
        build = {"specHash": "d" * 32, "name": "zlib", "version": "1", "startedLocal": moment,
                 "tags": [self.name]}  # fmt: skip
        answer = self.client.send("build", "POST", "/builds", build)
        self._recent = answer.body["id"] if answer.is_well else ""
        if answer.is_well:
            self._possible[self._recent] = {self.name}
        return answer.is_well

    def check(self) -> None:
        """Look for every build, and for its tag that was acknowledged last or came after."""
        for build_id, possible in self._possible.items():
            answer = self.client.send("check", "GET", f"/builds/{build_id}")
            if not answer.is_well or not possible.issuperset(answer.body["tags"]):
                self.lost.append(f"build {build_id}: {sorted(possible)}")


class CaseWriter(Writer):
    """Edits the notes of one case; the history of the case has every edit."""

    kind = "case"

    def __init__(self, client: Client, number: int) -> None:
        super().__init__(client, number)
        self._id: str | None = None
        self._reasons: list[str] = []

    def write_next(self) -> bool:
        """Edit the case as it is read now; record it first."""
        if self._id is None:
            return self._record()
        present = self.client.send("case read", "GET", f"/cases/{self._id}")
        if not present.is_well:
            return False
        change = {"notes": self.name, "reason": self.name}
        match = {"If-Match": present.tag or ""}
        answer = self.client.send("case edit", "PATCH", f"/cases/{self._id}", change, match)
        if answer.is_well:
            self._reasons.append(self.name)
        return answer.is_well

    def _record(self) -> bool:
        identity = {"machine": MACHINE, "user": "u", "name": f"edited-{self.number}"}
        answer = self.client.send("case", "POST", "/cases", identity)
        if answer.status == HTTPStatus.CONFLICT:  # an attempt before this one went well
            found = self.client.send("case read", "GET", f"/cases?machine={MACHINE}")
            named = [c["id"] for c in _items(found.body) if c["name"] == identity["name"]]
            self._id = named[0] if named else None
            return False
        self._id = answer.body["id"] if answer.is_well else None
        return answer.is_well

    def check(self) -> None:
        """Look for every edit in the history."""
        if self._id is None:
            return
        pages = walk(self.client, f"/cases/{self._id}/history?limit=1000")
        counts = Counter(edit["reason"] for edit in pages if edit["reason"])
        self.lost += [reason for reason in self._reasons if not counts[reason]]
        self.doubled += [reason for reason, count in counts.items() if count > 1]


class ExecutionWriter(Writer):
    """Records executions of a case that all writers of this kind share."""

    kind = "execution"

    def __init__(self, client: Client, number: int) -> None:
        super().__init__(client, number)
        self._recorded: list[str] = []
        self._case: str | None = None

    def write_next(self) -> bool:
        """Record one more execution."""
        minutes = divmod(self.count, 60)
        lid = f"{self.number + 1}{self.count:05}.250107-{minutes[0] % 24:02}{minutes[1]:02}00"
        execution = {
            "case": {"machine": MACHINE, "user": "u", "name": f"shared-{self.count // 100}"},
            "executionId": lid,
            "status": "completed",
            "runStartLocal": f"2025-01-07T{minutes[0] % 24:02}:{minutes[1]:02}:00",
            "configuration": {"env_run.STOP_N": self.count},
        }
        answer = self.client.send("execution", "POST", "/executions", execution)
        if answer.is_well:
            self._recorded.append(lid)
        return answer.is_well

    def check(self) -> None:
        """Look for every execution in the list of all."""
        items = walk(self.client, f"/executions?machine={MACHINE}&fields=executionId&limit=1000")
        counts = Counter(item["executionId"] for item in items)
        self.lost += [lid for lid in self._recorded if not counts[lid]]
        self.doubled += [lid for lid, count in counts.items() if count > 1]


class SpecWriter(Writer):
    """Uploads specs, of which many share nodes."""

    kind = "spec"

    def __init__(self, client: Client, number: int) -> None:
        super().__init__(client, number)
        self._hashes: list[str] = []

    def write_next(self) -> bool:
        """Upload one more document."""
        document = sample_document(_NODES, self.number * 100_000 + self.count)
        answer = self.client.send("spec", "POST", "/specs", json.dumps(document).encode())
        if answer.is_well:
            self._hashes.append(document["spec"]["nodes"][0]["hash"])
        return answer.is_well

    def check(self) -> None:
        """Look for the root of every document."""
        for dag_hash in self._hashes:
            if not self.client.send("check", "GET", f"/specs/{dag_hash}").is_well:
                self.lost.append(dag_hash)


class TokenWriter(Writer):
    """Creates tokens, uses each, and revokes every other one."""

    kind = "token"

    def __init__(self, client: Client, number: int) -> None:
        super().__init__(client, number)
        self._created: list[str] = []
        self._revoked: list[str] = []

    def write_next(self) -> bool:
        """Create a token, or revoke the one before."""
        if self.count % 2 and self._created:
            token_id = self._created[-1]
            is_well = self.client.send("revoke", "DELETE", f"/tokens/{token_id}").is_well
            self._revoked += [token_id] if is_well else []
            return is_well
        new = {"name": self.name, "scopes": ["read"]}
        answer = self.client.send("token", "POST", "/tokens", new)
        self._created += [answer.body["id"]] if answer.is_well else []
        return answer.is_well

    def check(self) -> None:
        """Look for every token, and whether it was revoked."""
        tokens = _items(self.client.send("check", "GET", "/tokens").body)
        by_id = {token["id"]: token for token in tokens}
        self.lost += [token_id for token_id in self._created if token_id not in by_id]
        self.lost += [
            token_id for token_id in self._revoked if not by_id.get(token_id, {}).get("revokedAt")
        ]
        counts = Counter(token["name"] for token in tokens)
        self.doubled += [name for name, count in counts.items() if count > 1]


KINDS: Sequence[type[Writer]] = (
    BuildWriter,
    CaseWriter,
    ExecutionWriter,
    SpecWriter,
    TokenWriter,
)


def walk(client: Client, path: str) -> Iterator[dict[str, Any]]:
    """Yield the items of all pages of a list."""
    following: str | None = path
    while following is not None:
        answer = client.send("check", "GET", following.removeprefix("/api/v1"))
        yield from _items(answer.body)
        following = answer.body["links"]["next"] if answer.is_well else None


def _items(body: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = body.get("items", []) if isinstance(body, dict) else []
    return items


@contextmanager
def writing(writers: Sequence[Writer]) -> Iterator[None]:
    """Let all writers write, each in a thread of its own, as long as the body runs."""
    stop = threading.Event()

    def run(writer: Writer) -> None:
        while not stop.is_set():
            stop.wait(_PAUSE_SECONDS if writer.write() else _FAILED_PAUSE_SECONDS)

    threads = [threading.Thread(target=run, args=(writer,)) for writer in writers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def seconds_until_written(client: Client, limit: float) -> float | None:
    """Return how long it takes until a write goes well; None when it does not within `limit`."""
    began = time.monotonic()
    while time.monotonic() - began < limit:
        name = {"name": f"probe-{time.monotonic_ns()}", "scopes": ["read"]}
        if client.send("probe", "POST", "/tokens", name).is_well:
            return time.monotonic() - began
        time.sleep(0.05)
    return None
