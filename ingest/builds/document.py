"""The document of an attempt to build. Pure.

Every part of the document is bounded. Of the errors and warnings, errors first, as many are
embedded as there is room for; the others go to documents of their own:

    events, errors first   |-- embedded --|-- part 1 --|-- part 2 --|- ...
    upper bounds            100 or 256 KiB    4 MiB        4 MiB

Variables, arguments and tests beyond the bounds are left out, and a problem `too_large` says how
many.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import accumulate, takewhile
from operator import itemgetter
from typing import Any, TypeVar

from more_itertools import constrained_batches, ilen

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

MAX_EMBEDDED_EVENTS = 100
MAX_EMBEDDED_BYTES = 2**18
MAX_PART_BYTES = 2**22
MAX_WORDS = 500
MAX_WORD_LENGTH = 60
MAX_TESTS = 10_000
MAX_FIELD_BYTES = 2**20
"""Upper bound of each of the variables, the arguments and the tests."""
_MAX_PROBLEMS = 1000
_MAX_PHASES = 1000
_MAX_TAGS = 100

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoredParts:
    """The parts of an attempt that its document refers to, and its `_id`.

    `cause` is the failed build that prevented this one from running.
    """

    build_id: str
    logs: Mapping[str, StoredLog] = field(default_factory=dict)
    manifest: tuple[dict[str, Any], ...] = ()
    cause: BuildCause | None = None


def manifest_entries(manifest: Manifest | None) -> tuple[dict[str, Any], ...]:
    """Return the entries in the form in which they are stored, sorted by path."""
    entries = () if manifest is None else manifest.entries
    return tuple(entry.model_dump(exclude_none=True) for entry in entries)


def digest_of(entries: Sequence[dict[str, Any]]) -> str | None:
    """Return the digest of a manifest, or None when it has no entries."""
    return manifest_digest(entries) if entries else None


def build_document(build: ObservedBuild, stored: StoredParts, now: datetime) -> BuildParts:
    """Return the document of an attempt whose logs are stored, and the events beside it."""
    attempt, logs, entries = build.attempt, stored.logs, stored.manifest
    problems = [
        Problem(file=damage.path, reason=damage.reason, detail=damage.detail)
        for damage in attempt.problems[:_MAX_PROBLEMS]
    ]
    embedded, parts = split_events([_event(event) for event in attempt.events])
    variables = _fit(
        attempt.variables.items(), lambda item: len(item[0]) + len(item[1]), "variables", problems
    )
    args = _fit(attempt.configure_args or (), len, "configureArgs", problems)
    tests = _tests(attempt, problems)
    cause = stored.cause if attempt.status == "not_run" else None
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
        phases=[_phase(phase, logs) for phase in attempt.phases[:_MAX_PHASES]],
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
        logs=[_log(attempt, name, log) for name, log in logs.items()],
        tags=sorted({*attempt.tags, *build.tags})[:_MAX_TAGS],
        session=build.session,
        sources=[build.source or attempt.source],
        source_path=build.path,
        fingerprints=[build.fingerprint] if build.fingerprint else [],
        problems=problems,
        ingestion_id=build.ingestion_id,
        created_at=now,
        updated_at=now,
    )
    return BuildParts(stored.build_id, record, parts, entries)


def _event(event: LogEvent) -> BuildEvent:
    fields = asdict(event)
    return BuildEvent(**fields | {"before": list(event.before), "after": list(event.after)})


def split_events(
    events: Iterable[BuildEvent],
) -> tuple[list[BuildEvent], tuple[tuple[BuildEvent, ...], ...]]:
    """Return the events to embed in a build, and the others in parts.

    Errors are embedded first, but the embedded events keep the order of the logs. In the parts,
    errors come before warnings.
    """
    errors_first = sorted(enumerate(events), key=lambda item: item[1].severity)
    sizes = accumulate(_size(event) for _, event in errors_first[:MAX_EMBEDDED_EVENTS])
    count = ilen(takewhile(lambda size: size <= MAX_EMBEDDED_BYTES, sizes))
    embedded = sorted(errors_first[:count], key=itemgetter(0))
    others = (event for _, event in errors_first[count:])
    # An event larger than a part has a part of its own, hence not `strict`.
    parts = constrained_batches(others, MAX_PART_BYTES, get_len=_size, strict=False)
    return [event for _, event in embedded], tuple(parts)


def _size(event: BuildEvent) -> int:
    """Return an estimate of the bytes that an event takes in a document."""
    texts = (event.text, event.source_file or "", *event.before, *event.after)
    return 200 + sum(len(text.encode("utf-8", "replace")) + 8 for text in texts)


def event_words(events: Sequence[BuildEvent]) -> list[str]:
    """Return the words of the events, sorted; when there are too many, keep those of errors."""
    words: dict[str, None] = {}
    for event in sorted(events, key=lambda event: event.severity):
        for word in words_of(event.text, event.source_file):
            words[word[:MAX_WORD_LENGTH]] = None
        if len(words) >= MAX_WORDS:
            break
    return sorted(list(words)[:MAX_WORDS])


def _fit(
    items: Iterable[T], length_of: Callable[[T], int], field_name: str, problems: list[Problem]
) -> list[T]:
    """Return the items that fit into a field, in order, and note how many do not.

    `length_of` returns characters, of up to 4 bytes each.
    """
    fitting: list[T] = []
    room = MAX_FIELD_BYTES
    missing = 0
    for item in items:
        size = 4 * length_of(item)
        if size > room:
            missing += 1
            continue
        room -= size
        fitting.append(item)
    if missing:
        problems.append(_too_large(field_name, missing))
    return fitting


def _too_large(field_name: str, missing: int) -> Problem:
    return Problem(file=field_name, reason="too_large", detail=f"{missing} of them are left out")


def _tests(attempt: BuildAttempt, problems: list[Problem]) -> list[BuildTest]:
    """Return the tests that fit, in their order; when there are too many, failed ones first."""
    failed_first = sorted(attempt.tests, key=lambda test: test.outcome != "failed")
    chosen = set(map(id, failed_first[:MAX_TESTS]))
    tests = [test for test in attempt.tests if id(test) in chosen]
    fitting = _fit(tests, lambda test: len(test.name) + len(test.message or ""), "tests", problems)
    if len(tests) < len(attempt.tests):
        problems.append(_too_large("tests", len(attempt.tests) - len(tests)))
    return [BuildTest(**asdict(test)) for test in fitting]


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


def phase_boundaries(attempt: BuildAttempt, log: str) -> set[int]:
    """Return the first line of each phase in a log, and the line after its last one."""
    spans = [phase.span for phase in attempt.phases if phase.span is not None]
    in_log = [span for span in spans if span.log in {None, log}]
    return {line for span in in_log for line in (span.first_line, span.last_line + 1)}


def _phase(phase: Phase, logs: Mapping[str, StoredLog]) -> BuildPhase:
    """Return a phase with its bytes in the stored log, where masked credentials have moved them."""
    span = phase.span
    name = None if span is None else span.log or next(iter(logs), None)
    stored = None if name is None else logs.get(name)
    document = BuildPhase(
        name=phase.name, status=phase.status, seconds=phase.seconds, started_local=phase.started
    )
    if span is None or stored is None:
        return document
    document.log = name
    document.first_line, document.last_line = span.first_line, span.last_line
    document.offset = stored.offsets.get(span.first_line)
    document.end = stored.offsets.get(span.last_line + 1)
    return document


def _log(attempt: BuildAttempt, name: str, stored: StoredLog) -> BuildLog:
    log = next((log for log in attempt.logs if log.name == name), None)
    return BuildLog(
        name=name,
        digest=stored.digest,
        phase=log.phase if log else None,
        lines=stored.lines,
        size=stored.size,
        damage=log.damage if log else None,
    )
