"""A client of the service that counts answers, and takes none for an error of its own."""

import http.client
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NO_ANSWER = 0
"""The status of a request whose connection ended without an answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, and the body as JSON, or as text when it is none."""

    status: int
    body: Any
    tag: str | None = None

    @property
    def is_well(self) -> bool:
        """Whether the request did what it was to do."""
        return http.client.OK <= self.status < http.client.MULTIPLE_CHOICES


class Tally:
    """What all clients together have got, by kind of request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._statuses: dict[str, Counter[int]] = defaultdict(Counter)
        self._seconds: dict[str, list[float]] = defaultdict(list)
        self._examples: dict[str, str] = {}

    def note(self, kind: str, answer: Answer, seconds: float) -> None:
        """Count an answer."""
        with self._lock:
            self._statuses[kind][answer.status] += 1
            self._seconds[kind].append(seconds)
            if not answer.is_well:
                self._examples.setdefault(f"{kind} {answer.status}", str(answer.body)[:300])

    def statuses(self) -> dict[str, dict[str, int]]:
        """Return how often each status came, by kind of request."""
        return {
            kind: {str(status): count for status, count in sorted(counter.items())}
            for kind, counter in sorted(self._statuses.items())
        }

    def count(self, *statuses: int) -> int:
        """Return how many answers had one of these statuses."""
        return sum(counter[status] for counter in self._statuses.values() for status in statuses)

    def other_than(self, *expected: int) -> dict[str, int]:
        """Return how often other statuses came than a success and the expected ones."""
        found: Counter[str] = Counter()
        for kind, counter in self._statuses.items():
            for status, count in counter.items():
                if not Answer(status, None).is_well and status not in expected:
                    found[f"{kind} {status}"] += count
        return dict(found)

    def examples(self) -> dict[str, str]:
        """Return the body of the first answer of each kind and status that was an error."""
        return self._examples

    def milliseconds(self) -> dict[str, dict[str, float]]:
        """Return percentiles of the times of answers, by kind of request."""
        return {kind: _percentiles(times) for kind, times in sorted(self._seconds.items())}

    def longest(self) -> float:
        """Return the seconds of the request that took longest."""
        return max((max(times) for times in self._seconds.values()), default=0.0)


def _percentiles(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    at = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    last = len(ordered) - 1
    figures = {name: round(ordered[int(last * part)] * 1000, 1) for name, part in at.items()}
    return {"requests": len(ordered), **figures}


class Client:
    """A client of one thread; it keeps its connection as long as that is open."""

    def __init__(self, port: int, token: str, tally: Tally, timeout: float = 120) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        self._authorization = f"Bearer {token}"
        self._tally = tally
        self._used_at = 0.0

    def send(
        self,
        kind: str,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request and count its answer; bytes are sent as they are, all else as JSON."""
        began = time.monotonic()
        answer = self._exchange(method, f"/api/v1{path}", body, headers or {})
        self._tally.note(kind, answer, time.monotonic() - began)
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _exchange(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Answer:
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Authorization": self._authorization, "Content-Type": "application/json", **headers}
        if time.monotonic() - self._used_at > _KEPT_SECONDS:
            self._connection.close()
        try:
            self._connection.request(method, path, content, sent)
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return Answer(NO_ANSWER, repr(error))
        self._used_at = time.monotonic()
        return Answer(response.status, _parsed(text), response.headers.get("ETag"))


_KEPT_SECONDS = 3.0  # uvicorn closes a connection that is idle for 5 seconds


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.decode(errors="replace")
