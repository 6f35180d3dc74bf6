"""Build: one attempt to build, or to test, a spec; one document.

What may be large lies elsewhere, so that a document stays far below the 16 MiB that MongoDB takes:
logs in GridFS (`LogStore`), the installed files in `manifests`, and in `buildEvents` those errors
and warnings that `events` has no room for. What is left has room of its own, see `ingest.builds`.
"""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from beanie import Document
from pydantic import Field, computed_field

from models.base import Stored
from models.builds.build_fields import BUILDS
from models.database.types import Index
from models.fields import words_of
from models.problem import Problem

BuildStatus = Literal["success", "failed", "cancelled", "running", "not_run"]
BuildSource = Literal["install_tree", "stage", "log", "junit", "cdash", "monitor", "test", "live"]
BuildKind = Literal["build", "test"]
PhaseStatus = Literal["success", "failed", "running", "unknown"]
TestOutcome = Literal["passed", "failed", "skipped", "no_tests"]


class BuildPhase(Stored):
    """A phase. Lines, from 1, and bytes are those of the stored log that `log` names."""

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
    """An error or a warning, with the lines around it; `log_line` counts from 1.

    `repeat_count` is how often the same message comes again in the same phase.
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
    """Where a build ran, as install_environment.json tells.

    `spack_version` is as Spack says it, `spack_commit` the commit in it.
    """

    host_os: str | None = None
    platform: str | None = None
    host_target: str | None = None
    hostname: str | None = None
    kernel_version: str | None = None
    spack_version: str | None = None
    spack_commit: str | None = None


class BuildLog(Stored):
    """A log: `digest` finds it in the `LogStore`; `size` is in bytes, expanded.

    `damage` is why it could be read only in part.
    """

    name: str
    digest: str
    phase: str | None = None
    lines: int = 0
    size: int = 0
    damage: str | None = None


class BuildManifest(Stored):
    """What was installed; the entries are in `manifests`, under `digest`.

    Two attempts have one digest when they installed the same: paths, modes, contents, targets.
    `outside` counts entries that lie outside the prefix, which are left out.
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
    seconds: float | None = None
    message: str | None = None


class BuildRepository(Stored):
    """Where the recipe came from."""

    namespace: str
    commit: str | None = None
    recipe_sha256: str | None = None


class BuildCause(Stored):
    """The build that failed, because of which another was not run."""

    build_id: str | None
    name: str | None
    spec_hash: str | None


class BuildRecord(Stored):
    """What a build document holds, whether or not a database is at hand.

    `spec_hash` is null where a report does not tell it, and a beginning where it tells no more.
    `status` is null where nothing tells what became of the attempt. Times are ISO, local to the
    host, or UTC when they end in Z; they are of the first and the last command that a log tells.
    `session` is the same for what one run of Spack reported. `error_count` and `warning_count`
    count occurrences, of which `omitted_event_count` are too many to be kept; `event_count` is how
    many events are, here and in `buildEvents`. `told_by` names, for each part of the document, the
    kind of source that it is from; `sources` are all that told of the attempt, and `fingerprints`
    are of their files, so that nothing is read twice.
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
    revision: int = 0
    created_at: datetime
    updated_at: datetime

    @computed_field  # type: ignore[prop-decorator]
    @property
    def search_words(self) -> list[str]:
        """The words of what identifies the build, which searches find it by."""
        hostname = self.host.hostname if self.host else None
        return words_of(self.name, self.version, self.spec_hash, hostname, *self.tags)


class Build(BuildRecord, Document):
    """A document of the collection `builds`; `_id` is that of `ingest.builds.identity`.

    `revision` grows by one with every write; a writer replaces only the revision that it read.
    """

    model_config = Stored.model_config  # type: ignore[misc]

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]

    class Settings:
        """Collection and indexes."""

        name = "builds"
        keep_nulls = True
        indexes: ClassVar[list[Index]] = [
            *BUILDS.indexes(),
            Index([("name", 1), ("versionKey", 1), ("orderKey", 1), ("_id", 1)], name="package"),
            Index([("eventWords", 1), ("orderKey", 1), ("_id", 1)], name="event words"),
            Index([("manifest.digest", 1)], name="manifest"),
            Index([("logs.digest", 1)], name="logs"),
            Index([("fingerprints", 1)], name="fingerprints"),
            Index([("cancelledBy.buildId", 1)], name="cancelledBy", sparse=True),
        ]


class BuildEvents(Stored, Document):
    """A document of the collection `buildEvents`: events that their build has no room for.

    `_id` is that of the build, a slash and `number`, from 1. The errors come before the warnings.
    """

    model_config = Stored.model_config  # type: ignore[misc]

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]
    build_id: str
    number: int
    events: list[BuildEvent]

    class Settings:
        """Collection and indexes."""

        name = "buildEvents"
        keep_nulls = True
        indexes: ClassVar[list[Index]] = [
            Index([("buildId", 1), ("number", 1)], name="build"),
        ]


def events_id(build_id: str, number: int) -> str:
    """Return the `_id` of a document of events."""
    return f"{build_id}/{number}"
