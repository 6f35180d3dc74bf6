"""Build: one attempt to build or to test a spec, stored as one document.

Large parts are stored elsewhere, so that a document stays far below MongoDB's limit of 16 MiB: logs
in GridFS (`LogStore`), the installed files in `manifests`, and in `buildEvents` the errors and
warnings for which `events` has no room. `ingest.builds` limits the size of everything else.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, computed_field

from models.base import Real, Stored
from models.fields import words_of
from models.problem import Problem

BuildStatus = Literal["success", "failed", "cancelled", "running", "not_run"]
BuildSource = Literal["install_tree", "stage", "log", "junit", "cdash", "monitor", "test", "live"]
BuildKind = Literal["build", "test"]
PhaseStatus = Literal["success", "failed", "running", "unknown"]
TestOutcome = Literal["passed", "failed", "skipped", "no_tests"]


class BuildPhase(Stored):
    """A phase of a build.

    `log` names the stored log that holds its output: lines `first_line` to `last_line`, counted
    from 1, which are the bytes from `offset` up to, but without, `end`.
    """

    name: str
    status: PhaseStatus
    seconds: float | None = None
    started_local: str | None = None
    log: str | None = None
    first_line: int | None = None
    last_line: int | None = None
    offset: int | None = None
    end: int | None = None


class BuildEvent(Stored):
    """An error or a warning, with the log lines before and after it; `log_line` counts from 1.

    `repeat_count` says how many more times the same message occurs in the same phase.
    """

    severity: Literal["error", "warning"]
    kind: str
    text: str
    log_line: int
    phase: str | None = None
    source_file: str | None = None
    source_line: int | None = None
    source_column: int | None = None
    before: list[str] = Field(default_factory=list)
    after: list[str] = Field(default_factory=list)
    repeat_count: int = 0
    log: str | None = None


class BuildHost(Stored):
    """The host that a build ran on, as install_environment.json describes it.

    `spack_version` is the text that Spack states, `spack_commit` the commit contained in it.
    """

    host_os: str | None = None
    platform: str | None = None
    host_target: str | None = None
    hostname: str | None = None
    kernel_version: str | None = None
    spack_version: str | None = None
    spack_commit: str | None = None


class BuildLog(Stored):
    """A log of a build; `digest` is its id in the `LogStore`, `size` its expanded size in bytes.

    `damage` is the reason why only a part of it could be read, or `long_line` when a line of more
    than 1 MiB is cut, or None.
    """

    name: str
    digest: str
    phase: str | None = None
    lines: int = 0
    size: int = 0
    damage: str | None = None


class BuildManifest(Stored):
    """A summary of what was installed; the entries are stored in `manifests` under `digest`.

    Attempts that installed the same paths, modes, contents and link targets share one digest.
    `outside` counts the entries outside the prefix, which are omitted.
    """

    digest: str
    entry_count: int
    file_count: int
    bytes: int
    outside: int = 0


class BuildTest(Stored):
    """The outcome of one test."""

    name: str
    outcome: TestOutcome
    seconds: Real | None = None
    message: str | None = None


class BuildRepository(Stored):
    """The package repository that the recipe came from."""

    namespace: str
    commit: str | None = None
    recipe_sha256: str | None = None


class BuildCause(Stored):
    """The failed build because of which another build was not run."""

    build_id: str | None
    name: str | None
    spec_hash: str | None


class BuildRecord(Stored):
    """The content of a build document, usable without a database.

    * `spec_hash` is None when a report does not state it, and a prefix when it states only that.
    * `status` is None when no source says how the attempt ended.
    * `started_local` and `ended_local` are ISO 8601, in local time of the host, or in UTC when they
      end in Z: the times of the first and the last command that a log shows.
    * `session` is the same for everything that one run of Spack reported.
    * `error_count` and `warning_count` count occurrences; `omitted_event_count` of them exceed the
      limits and are not stored; `event_count` is the number of stored events, here and in
      `buildEvents`.
    * `told_by` names, for each group of fields (see `models.builds.merge`), the kind of source that
      the group was taken from. `sources` are all kinds of source that reported the attempt.
    * `reported` is the outcome as it was reported over REST, by field, while another account of it
      is better.
    * `fingerprints` identify the files that were read, so that no file is read twice.
    """

    spec_hash: str | None
    name: str
    version: str | None = None
    version_key: str | None = None
    kind: BuildKind = "build"
    status: BuildStatus | None = None
    failed_phase: str | None = None
    cancelled_by: BuildCause | None = None
    message: str | None = None
    order_key: str = ""
    started_local: str | None = None
    ended_local: str | None = None
    seconds: float | None = None
    from_cache: bool | None = None
    phases: list[BuildPhase] = Field(default_factory=list)
    error_count: int = 0
    warning_count: int = 0
    omitted_event_count: int = 0
    event_count: int = 0
    events: list[BuildEvent] = Field(default_factory=list)
    event_words: list[str] = Field(default_factory=list)
    host: BuildHost | None = None
    variables: dict[str, str] = Field(default_factory=dict)
    configure_args: list[str] | None = None
    repository: BuildRepository | None = None
    manifest: BuildManifest | None = None
    tests: list[BuildTest] = Field(default_factory=list)
    test_counts: dict[str, int] = Field(default_factory=dict)
    logs: list[BuildLog] = Field(default_factory=list)
    tags: list[str] = Field(default_factory=list)
    owner: str | None = None
    session: str | None = None
    sources: list[BuildSource] = Field(default_factory=list)
    told_by: dict[str, BuildSource] = Field(default_factory=dict)
    source_path: str | None = None
    fingerprints: list[str] = Field(default_factory=list)
    problems: list[Problem] = Field(default_factory=list)
    extra: dict[str, Any] = Field(default_factory=dict)
    ingestion_id: str | None = None
    reported: dict[str, Any] | None = None
    revision: int = 0
    created_at: datetime
    updated_at: datetime

    @computed_field  # type: ignore[prop-decorator]
    @property
    def search_words(self) -> list[str]:
        """The words by which a search finds the build: those of its identifying fields."""
        hostname = self.host.hostname if self.host else None
        return words_of(self.name, self.version, self.spec_hash, hostname, *self.tags)


def events_id(build_id: str, number: int) -> str:
    """Return the `_id` of a document of `buildEvents`."""
    return f"{build_id}/{number}"
