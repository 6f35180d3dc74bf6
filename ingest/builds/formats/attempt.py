"""BuildAttempt: one attempt to build a spec, whichever kind of file describes it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ingest.builds.formats.manifest import Manifest
from ingest.builds.formats.spec_name import SpecName
from ingest.builds.formats.suite_results import TestResult
from ingest.builds.logs.events import LogEvent
from ingest.builds.logs.phases import STAGE, InstallTimes, Phase, PhaseSpan, describe_phases
from ingest.builds.logs.report import LogReport
from models.builds.build import BuildHost, BuildSource, BuildStatus
from models.ingestions.damage import Damage


@dataclass(frozen=True, slots=True)
class PackageRepository:
    """Where the recipe came from; `commit` is known only while recipes were part of Spack."""

    namespace: str
    commit: str | None
    recipe_sha256: str | None


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log of an attempt.

    `phase` is None for a log of the whole build; `size` is in bytes. `damage` is the reason why
    the log could not be read to its end, or `long_line` when a line in it is cut.
    """

    name: str
    phase: str | None
    lines: int
    size: int
    damage: str | None = None


@dataclass(frozen=True, slots=True)
class BuildAttempt:
    """One attempt to build a spec; `status` is None when its files do not say how it ended.

    Credentials are masked everywhere except in `log_content`, which is unchanged. `errors` and
    `warnings` count occurrences; `omitted` of these have no event. Times are ISO: local time of the
    host, or UTC when they end in Z. `started` and `ended` are the first and the last time that the
    files mention; in a log these are the times of commands. `log_content` is a log that was part of
    a report; any other logs are files, named in `logs`.
    """

    source: BuildSource
    spec: SpecName | None
    status: BuildStatus | None
    phases: tuple[Phase, ...] = ()
    failed_phase: str | None = None
    events: tuple[LogEvent, ...] = ()
    errors: int = 0
    warnings: int = 0
    omitted: int = 0
    host: BuildHost | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    configure_args: tuple[str, ...] | None = None
    manifest: Manifest | None = None
    tests: tuple[TestResult, ...] = ()
    repository: PackageRepository | None = None
    package: str | None = None
    started: str | None = None
    ended: str | None = None
    seconds: float | None = None
    from_cache: bool | None = None
    message: str | None = None
    tags: tuple[str, ...] = ()
    logs: tuple[LogFile, ...] = ()
    log_content: bytes | None = None
    problems: tuple[Damage, ...] = ()


@dataclass(frozen=True, slots=True)
class Timeline:
    """The phases of a build and their times, from its log and from measured times."""

    phases: tuple[Phase, ...]
    failed_phase: str | None
    started: str | None
    ended: str | None


def timeline_of(
    report: LogReport, times: InstallTimes | None, status: BuildStatus | None
) -> Timeline:
    """Return the phases with their outcomes, given the outcome of the build.

    The lines before the first phase of a log count as staging only when staging was measured or
    failed, or when an error or a warning occurred in them.
    """
    failed = report.failed_phase if status == "failed" else None
    if status == "failed" and failed is None and report.phases:
        failed = report.phases[-1].name
    spans = [span for span in report.phases if _is_phase(span, report.events, times, failed)]
    is_over = status in {"success", "failed"}
    stamped = [span for span in report.phases if span.started is not None]
    return Timeline(
        describe_phases(spans, times, failed, is_over),
        failed,
        stamped[0].started if stamped else None,
        stamped[-1].last if stamped and is_over else None,
    )


def _is_phase(
    span: PhaseSpan, events: Sequence[LogEvent], times: InstallTimes | None, failed: str | None
) -> bool:
    if span.name != STAGE or failed == STAGE:
        return True
    measured: Iterable[str] = () if times is None else (time.name for time in times.phases)
    return STAGE in measured or any(event.phase == STAGE for event in events)
