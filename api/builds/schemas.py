"""The documents that the API answers with about builds."""

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
    """A build in short."""

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
    """A build in a list; `events` only where they are asked for."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)
    events: list[dict[str, Any]] | None = None


class BuildDetail(BuildSummary):
    """A build with what is known of it; its log, events and installed files have their own paths.

    `omittedEventCount` counts occurrences of errors and warnings that were too many to be kept.
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
    """An error or a warning of a build; `number` is its place, from 0."""

    model_config = Answer.model_config
    number: int


class ManifestItem(ManifestEntry):
    """An installed file; `path` is relative to the prefix, and what is not known is left out."""

    model_config = ConfigDict(extra="forbid")


class MatrixLatest(Answer):
    """The latest attempt of a cell."""

    id: str
    status: BuildStatus | None
    order_key: str


class MatrixCell(Answer):
    """The attempts to build a version with a compiler for a target.

    Compiler and target are those of the spec; `compilers` is empty where it is not recorded, and
    the target then that of the host.
    """

    version: str | None
    compilers: list[str]
    target: str | None
    attempts: int
    by_status: dict[str, int]
    spec_hashes: list[str]
    latest: MatrixLatest


class Matrix(Answer):
    """How the builds of a package went; `isComplete` when all of them are counted."""

    package: str
    versions: list[str | None]
    cells: list[MatrixCell]
    is_complete: bool


class ComparedBuild(Answer):
    """One of the two builds that are compared."""

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
    """A value that is not the same; null on the side that does not have it."""

    key: str
    left: Any
    right: Any


class FileDrift(Answer):
    """A file that only one of them installed, or that is another one.

    `differs` names what is not the same, such as `hash` or `mode`.
    """

    path: str
    change: Literal["added", "removed", "changed"]
    differs: list[str] = Field(default_factory=list)
    left: ManifestItem | None
    right: ManifestItem | None


class ArgumentDrift(Answer):
    """Configure arguments that only one of them was given, in their order."""

    removed: list[str]
    added: list[str]


class ManifestDrift(Answer):
    """How what was installed differs, in the order of the paths; `files` are the first of them.

    `inMetadata` counts those that Spack itself notes of the build, below `.spack`.
    """

    is_not_modified: bool
    is_equal: bool | None
    added: int
    removed: int
    changed: int
    in_metadata: int
    files: list[FileDrift]
    is_complete: bool


class BuildComparison(Answer):
    """Two builds side by side.

    `isReproducible` when both are of one spec and installed the same, but for Spack's metadata;
    null where that cannot be told, because a manifest is not known or the specs are not the same.
    """

    left: ComparedBuild
    right: ComparedBuild
    is_same_spec: bool
    is_reproducible: bool | None
    host: list[ValueDrift]
    variables: list[ValueDrift]
    arguments: ArgumentDrift
    manifest: ManifestDrift
