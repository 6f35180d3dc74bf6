"""What is left after the faults: is all that was acknowledged there, and nothing twice?"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from api.bench.faults.client import NO_ANSWER, Client, Tally
from api.bench.faults.imports import Imports, caseledger
from api.bench.faults.writers import MACHINE, Writer, walk
from models.settings import Settings

_DUE = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT, HTTPStatus.CONFLICT)
"""Answers that say: nothing was written, or perhaps it was; try again."""

_AFTER_DOUBT = (HTTPStatus.PRECONDITION_FAILED,)
"""The answer to an edit of what somebody else has just edited."""

_SHOWN = 10


def check_outcome(
    settings: Settings, client: Client, tally: Tally, writers: Sequence[Writer], imports: Imports
) -> dict[str, Any]:
    """Return the figures of all writers, and under `failures` all that must not be.

    The faults are over: everything is readable, and the last import finishes those before.
    """
    unexpected = tally.other_than(*_DUE, *_AFTER_DOUBT)
    statuses, longest = tally.statuses(), tally.longest()
    last_exit = imports.run("--list-again")
    for writer in writers:
        writer.check()
    verify = caseledger(settings, "verify")
    paths = _archive_executions(client)
    failures = [f"{count} answers: {kind}" for kind, count in unexpected.items()]
    failures += [f"{w.kind}: lost {each}" for w in writers for each in w.lost[:_SHOWN]]
    failures += [f"{w.kind}: twice {each}" for w in writers for each in w.doubled[:_SHOWN]]
    failures += imports.unexpected_exits()
    failures += [f"the last import exits with {last_exit}"] if last_exit else []
    failures += (
        [f"verify: {verify.stdout[-500:]} {verify.stderr[-500:]}"] if verify.returncode else []
    )
    if len(paths) != imports.expected or len(set(paths)) != imports.expected:
        failures.append(f"{len(paths)} executions of the archive, {len(set(paths))} different")
    return {
        "answers": statuses,
        "firstErrors": tally.examples(),
        "longestSeconds": round(longest, 1),
        "acknowledged": _sums(writers, "acknowledged"),
        "lost": {kind: len(lost) for kind, lost in _lists(writers, "lost").items()},
        "twice": {kind: len(doubled) for kind, doubled in _lists(writers, "doubled").items()},
        "imports": imports.figures(),
        "verify": verify.returncode,
        "unanswered": sum(kinds.get(str(NO_ANSWER), 0) for kinds in statuses.values()),
        "failures": failures,
    }


def _archive_executions(client: Client) -> list[str]:
    """Return what identifies each execution that is not one of the writers'."""
    path = f"/executions?machine__ne={MACHINE}&fields=caseId,executionId&limit=1000"
    return [f"{item['caseId']}/{item['executionId']}" for item in walk(client, path)]


def _sums(writers: Sequence[Writer], name: str) -> dict[str, int]:
    sums: dict[str, int] = {}
    for writer in writers:
        sums[writer.kind] = sums.get(writer.kind, 0) + getattr(writer, name)
    return sums


def _lists(writers: Sequence[Writer], name: str) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for writer in writers:
        lists.setdefault(writer.kind, []).extend(getattr(writer, name))
    return lists
