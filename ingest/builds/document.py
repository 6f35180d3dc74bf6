"""An attempt as the document that stands for it. Pure.

No part of the document grows without bound. Errors come before warnings, and those events for
which `events` has no room go to documents of their own. Of variables, arguments and tests, what
goes beyond their room is left out, and a problem `too_large` tells how much.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from ingest.builds.formats.attempt import BuildAttempt
from ingest.builds.formats.manifest import Manifest
from ingest.builds.logs.events import LogEvent
from ingest.builds.logs.phases import Phase
from ingest.builds.observation import ObservedBuild
from models.builds.build import (
    BuildCause,
    BuildEvent,
    BuildLog,
    BuildManifest,
    BuildPhase,
    BuildRecord,
    BuildRepository,
    BuildTest,
)
from models.builds.log import StoredLog
from models.builds.manifest import manifest_digest
from models.builds.store import BuildParts
from models.fields import words_of
from models.problem import Problem
from models.spack.version import stored_version_key

EMBEDDED_EVENTS = 100
EMBEDDED_BYTES = 2**18
PART_BYTES = 2**22
MOST_WORDS = 500
MOST_TESTS = 10_000
ROOM = 2**20
"""Bytes of variables, of arguments, and of tests."""
LONGEST_WORD = 60

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoredParts:
    """What is known of an attempt before it is described: its `_id`, and what is stored of it.

    `cause` is the failed build because of which it was not run.
    """

    build_id: str
    logs: Mapping[str, StoredLog] = field(default_factory=dict)
    manifest: tuple[dict[str, Any], ...] = ()
    cause: BuildCause | None = None


def manifest_entries(manifest: Manifest | None) -> tuple[dict[str, Any], ...]:
    """Return the entries as they are stored, in the order of their paths."""
    entries = () if manifest is None else manifest.entries
    return tuple(entry.model_dump(exclude_none=True) for entry in entries)


def digest_of(entries: Sequence[dict[str, Any]]) -> str | None:
    """Return the digest of a manifest, None when there is none."""
    return manifest_digest(entries) if entries else None


def build_document(build: ObservedBuild, kept: StoredParts, now: datetime) -> BuildParts:
    """Return the document of an attempt whose logs are stored."""
    attempt, logs, entries = build.attempt, kept.logs, kept.manifest
    problems = [
        Problem(file=damage.path, reason=damage.reason, detail=damage.detail)
        for damage in attempt.problems[:1000]
    ]
    embedded, parts = split_events([_event(event) for event in attempt.events])
    variables = _fit(
        attempt.variables.items(), lambda v: len(v[0]) + len(v[1]), "variables", problems
    )
    args = _fit(attempt.configure_args or (), len, "configureArgs", problems)
    tests = _tests(attempt, problems)
    cause = kept.cause if attempt.status == "not_run" else None
    version = attempt.spec.version if attempt.spec else None
    record = BuildRecord(
        spec_hash=attempt.spec.hash if attempt.spec else None,
        name=(attempt.spec.name if attempt.spec else attempt.package) or "",
        version=version,
        version_key=stored_version_key(version),
        kind=build.kind,
        status="cancelled" if cause else attempt.status,
        failed_phase=attempt.failed_phase,
        cancelled_by=cause,
        message=attempt.message,
        order_key=(attempt.started or "").removesuffix("Z"),
        started_local=attempt.started,
        ended_local=attempt.ended,
        seconds=attempt.seconds,
        from_cache=attempt.from_cache,
        phases=[_phase(phase, logs) for phase in attempt.phases[:1000]],
        error_count=attempt.errors,
        warning_count=attempt.warnings,
        omitted_event_count=attempt.omitted,
        event_count=len(attempt.events),
        events=embedded,
        event_words=event_words([*embedded, *(event for part in parts for event in part)]),
        host=attempt.host,
        variables=dict(variables),
        configure_args=None if attempt.configure_args is None else args,
        repository=BuildRepository(**asdict(attempt.repository)) if attempt.repository else None,
        manifest=_manifest(attempt.manifest, entries),
        tests=tests,
        test_counts=dict(sorted(Counter(test.outcome for test in attempt.tests).items())),
        logs=[_log(attempt, name, stored) for name, stored in logs.items()],
        tags=sorted({*attempt.tags, *build.tags})[:100],
        session=build.session,
        sources=[build.told_by],
        source_path=build.path,
        fingerprints=[build.fingerprint] if build.fingerprint else [],
        problems=problems,
        ingestion_id=build.ingestion_id,
        created_at=now,
        updated_at=now,
    )
    return BuildParts(kept.build_id, record, parts, entries)


def _event(event: LogEvent) -> BuildEvent:
    fields = asdict(event)
    return BuildEvent(**fields | {"before": list(event.before), "after": list(event.after)})


def split_events(
    events: Iterable[BuildEvent],
) -> tuple[list[BuildEvent], tuple[tuple[BuildEvent, ...], ...]]:
    """Return the events that a build has room for, and the parts that the others make.

    The errors go first; within the build they stand in the order of its logs again.
    """
    ordered = sorted(events, key=lambda event: event.severity)
    first: list[BuildEvent] = []
    size = 0
    for event in ordered:
        size += _size(event)
        if len(first) == EMBEDDED_EVENTS or size > EMBEDDED_BYTES:
            break
        first.append(event)
    place = {id(event): number for number, event in enumerate(events)}
    return sorted(first, key=lambda e: place[id(e)]), tuple(_parts(ordered[len(first) :]))


def _parts(events: Iterable[BuildEvent]) -> Iterable[tuple[BuildEvent, ...]]:
    part: list[BuildEvent] = []
    size = 0
    for event in events:
        if part and size + _size(event) > PART_BYTES:
            yield tuple(part)
            part, size = [], 0
        part.append(event)
        size += _size(event)
    if part:
        yield tuple(part)


def _size(event: BuildEvent) -> int:
    texts = (event.text, event.source_file or "", *event.before, *event.after)
    return 200 + sum(len(text.encode("utf-8", "replace")) + 8 for text in texts)


def event_words(events: Sequence[BuildEvent]) -> list[str]:
    """Return the words that events are found by, those of errors first when they are too many."""
    words: dict[str, None] = {}
    for event in sorted(events, key=lambda event: event.severity):
        for word in words_of(event.text, event.source_file):
            words[word[:LONGEST_WORD]] = None
        if len(words) >= MOST_WORDS:
            break
    return sorted(list(words)[:MOST_WORDS])


def _fit(
    items: Iterable[T], size_of: Callable[[T], int], place: str, problems: list[Problem]
) -> list[T]:
    """Return as many items as there is room for, and note how many there is none for."""
    kept: list[T] = []
    left = ROOM
    missing = 0
    for item in items:
        size = 4 * size_of(item)
        if size > left:
            missing += 1
            continue
        left -= size
        kept.append(item)
    if missing:
        problems.append(_too_large(place, missing))
    return kept


def _too_large(place: str, missing: int) -> Problem:
    return Problem(file=place, reason="too_large", detail=f"{missing} of them are left out")


def _tests(attempt: BuildAttempt, problems: list[Problem]) -> list[BuildTest]:
    failed_first = sorted(attempt.tests, key=lambda test: test.outcome != "failed")
    kept = set(map(id, failed_first[:MOST_TESTS]))
    tests = [test for test in attempt.tests if id(test) in kept]
    found = _fit(tests, lambda t: len(t.name) + len(t.message or ""), "tests", problems)
    if len(tests) < len(attempt.tests):
        problems.append(_too_large("tests", len(attempt.tests) - len(tests)))
    return [BuildTest(**asdict(test)) for test in found]


def _manifest(manifest: Manifest | None, entries: Sequence[dict[str, Any]]) -> BuildManifest | None:
    digest = digest_of(entries)
    if manifest is None or digest is None:
        return None
    return BuildManifest(
        digest=digest,
        entry_count=len(manifest.entries),
        file_count=sum(entry.type == "file" for entry in manifest.entries),
        bytes=sum(entry.size or 0 for entry in manifest.entries if entry.type == "file"),
        outside=manifest.outside,
    )


def wanted_lines(attempt: BuildAttempt, log: str) -> set[int]:
    """Return the lines of a log at which phases begin and behind which they end."""
    spans = [phase.span for phase in attempt.phases if phase.span is not None]
    own = [span for span in spans if span.log in {None, log}]
    return {line for span in own for line in (span.first_line, span.last_line + 1)}


def _phase(phase: Phase, logs: Mapping[str, StoredLog]) -> BuildPhase:
    """Return a phase with its place in the stored log, which masked credentials move."""
    span = phase.span
    name = None if span is None else span.log or next(iter(logs), None)
    stored = None if name is None else logs.get(name)
    described = BuildPhase(
        name=phase.name, status=phase.status, seconds=phase.seconds, started_local=phase.started
    )
    if span is None or stored is None:
        return described
    described.log = name
    described.first_line, described.last_line = span.first_line, span.last_line
    described.offset = stored.offsets.get(span.first_line)
    described.end = stored.offsets.get(span.last_line + 1)
    return described


def _log(attempt: BuildAttempt, name: str, stored: StoredLog) -> BuildLog:
    told = next((log for log in attempt.logs if log.name == name), None)
    return BuildLog(
        name=name,
        digest=stored.digest,
        phase=told.phase if told else None,
        lines=stored.lines,
        size=stored.size,
        damage=told.damage if told else None,
    )
