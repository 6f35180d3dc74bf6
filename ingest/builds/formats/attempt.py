"""One attempt to build a spec, put together from what the build left behind."""

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
    """A log of the attempt: its name, the phase when it is of one only, its size in bytes."""

    name: str
    phase: str | None
    lines: int
    size: int
    damage: str | None = None


@dataclass(frozen=True, slots=True)
class BuildAttempt:
    """One attempt. `status` is None where the files do not tell what became of it.

    Nothing in it is a credential, but `log_content` is as it was found.
    `errors` and `warnings` count occurrences, of which `omitted` have no event. Times are ISO:
    local time of the host, or UTC when they end in Z; `started` and `ended` are the first and the
    last that are told, which in a log are those of commands. `log_content` is the log where it
    stood inside a report; the other logs are the files that `logs` names.
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
    """How a build went on: what its log and its measured times tell of its phases."""

    phases: tuple[Phase, ...]
    failed_phase: str | None
    started: str | None
    ended: str | None


def timeline_of(
    report: LogReport, times: InstallTimes | None, status: BuildStatus | None
) -> Timeline:
    """Return the phases with their outcomes, given what became of the build.

    What a log has before its first phase counts as staging only when that was measured, or when
    something happened in it.
    """
    failed = report.failed_phase if status == "failed" else None
    if status == "failed" and failed is None and report.phases:
        failed = report.phases[-1].name
    spans = [span for span in report.phases if _counts(span, report.events, times, failed)]
    is_over = status in {"success", "failed"}
    stamps = [span for span in report.phases if span.started is not None]
    return Timeline(
        describe_phases(spans, times, failed, is_over),
        failed,
        stamps[0].started if stamps else None,
        stamps[-1].last if stamps and is_over else None,
    )


def _counts(
    span: PhaseSpan, events: Sequence[LogEvent], times: InstallTimes | None, failed: str | None
) -> bool:
    if span.name != STAGE or failed == STAGE:
        return True
    measured: Iterable[str] = () if times is None else (time.name for time in times.phases)
    return STAGE in measured or any(event.phase == STAGE for event in events)
