"""The response documents for builds."""

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from api.http.schemas import Answer
from models.builds.build import (
    BuildCause,
    BuildEvent,
    BuildHost,
    BuildKind,
    BuildLog,
    BuildManifest,
    BuildPhase,
    BuildRepository,
    BuildSource,
    BuildStatus,
    BuildTest,
)
from models.builds.manifest import ManifestEntry
from models.problem import Problem


class BuildSummary(Answer):
    """The main fields of a build."""

    id: str
    order_key: str
    spec_hash: str | None
    name: str
    version: str | None
    kind: BuildKind
    status: BuildStatus | None
    failed_phase: str | None
    cancelled_by: BuildCause | None
    started_local: str | None
    ended_local: str | None
    seconds: float | None
    from_cache: bool | None
    error_count: int
    warning_count: int
    host: BuildHost | None
    repository: BuildRepository | None
    manifest: BuildManifest | None
    tags: list[str]
    owner: str | None
    session: str | None
    sources: list[BuildSource]
    test_counts: dict[str, int]
    ingestion_id: str | None
    updated_at: datetime


class BuildItem(BuildSummary):
    """A build in a list; `events` only when they are requested."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)
    events: list[dict[str, Any]] | None = None


class BuildDetail(BuildSummary):
    """A build in full, except for log, events and installed files, which have their own paths.

    `omittedEventCount` counts occurrences of errors and warnings that were too many to keep.
    """

    message: str | None
    phases: list[BuildPhase]
    event_count: int
    omitted_event_count: int
    variables: dict[str, str]
    configure_args: list[str] | None
    tests: list[BuildTest]
    logs: list[BuildLog]
    source_path: str | None
    problems: list[Problem]
    extra: dict[str, Any]
    revision: int
    created_at: datetime


class BuildEventItem(BuildEvent):
    """An error or a warning of a build; `number` is its position, from 0."""

    model_config = Answer.model_config
    number: int


class ManifestItem(ManifestEntry):
    """An installed file; `path` is relative to the prefix. Unknown values are left out."""

    model_config = ConfigDict(extra="forbid")


class BuildSessionItem(Answer):
    """A run of Spack: how its builds ended. `since` and `until` are those of its first and last."""

    session: str
    since: str
    until: str
    builds: int
    by_status: dict[str, int]


class SessionBuild(Answer):
    """The latest attempt to build a spec in a session."""

    id: str
    spec_hash: str | None
    name: str
    version: str | None
    status: BuildStatus | None
    failed_phase: str | None
    message: str | None
    cancelled_by: BuildCause | None


class SessionFailure(SessionBuild):
    """A failed build, and those that were not run because of it."""

    prevented: list[SessionBuild]


class SessionComparison(Answer):
    """The packages that changed since another session, by name.

    A package fails when one of its builds failed, was cancelled or was not run.
    """

    session: str
    newly_failed: list[str]
    newly_mended: list[str]
    still_failing: list[str]
    added: list[str]
    removed: list[str]


class BuildSession(BuildSessionItem):
    """A run of Spack in full: its roots, failed ones first, and its failures.

    Roots are the builds that no other build of the session needs. Of the builds in `withoutSpec` no
    spec is recorded, so that what they need is unknown. `comparison` is null without a session
    before.
    """

    tags: list[str]
    owners: list[str]
    without_spec: int
    roots: list[SessionBuild]
    failures: list[SessionFailure]
    comparison: SessionComparison | None


class MatrixLatest(Answer):
    """The latest attempt of a cell."""

    id: str
    status: BuildStatus | None
    order_key: str


class MatrixCell(Answer):
    """The attempts to build a version with a compiler for a target.

    Compiler and target are those of the spec. When it is not recorded, `compilers` is empty and the
    target is that of the host.
    """

    version: str | None
    compilers: list[str]
    target: str | None
    attempts: int
    by_status: dict[str, int]
    spec_hashes: list[str]
    latest: MatrixLatest


class PackageMatrix(Answer):
    """The outcomes of the builds of one package."""

    name: str
    versions: list[str | None]
    cells: list[MatrixCell]


class Matrix(Answer):
    """The outcomes of the builds of packages, by name.

    `packages` are those that were asked for; `isComplete` means that all builds are counted.
    """

    packages: list[str]
    items: list[PackageMatrix]
    is_complete: bool


class ComparedBuild(Answer):
    """One of the two compared builds."""

    id: str
    spec_hash: str | None
    name: str
    version: str | None
    status: BuildStatus | None
    failed_phase: str | None
    started_local: str | None
    seconds: float | None
    hostname: str | None
    manifest_digest: str | None


class ValueDrift(Answer):
    """A value that differs; null on the side that does not have it."""

    key: str
    left: Any
    right: Any


class FileDrift(Answer):
    """A file that only one of the builds installed, or that differs between them.

    `differs` names the properties that differ, such as `hash` or `mode`.
    """

    path: str
    change: Literal["added", "removed", "changed"]
    differs: list[str] = Field(default_factory=list)
    left: ManifestItem | None
    right: ManifestItem | None


class ArgumentDrift(Answer):
    """Configure arguments that only one of the builds was given, in order."""

    removed: list[str]
    added: list[str]


class ManifestDrift(Answer):
    """The differences between the installed files, in the order of paths; `files` are the first.

    `inMetadata` counts files below `.spack`, in which Spack itself records the build.
    """

    is_known: bool
    is_equal: bool | None
    added: int
    removed: int
    changed: int
    in_metadata: int
    files: list[FileDrift]
    is_complete: bool


class BuildComparison(Answer):
    """The comparison of two builds.

    `isReproducible` means that both are builds of one spec and installed the same, apart from
    Spack's metadata. It is null when that is unknown, because a manifest is missing or the specs
    differ.
    """

    left: ComparedBuild
    right: ComparedBuild
    is_same_spec: bool
    is_reproducible: bool | None
    host: list[ValueDrift]
    variables: list[ValueDrift]
    arguments: ArgumentDrift
    manifest: ManifestDrift
