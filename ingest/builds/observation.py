"""ObservedBuild: an attempt to build as one source describes it, with its logs not yet read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest.builds.formats.attempt import BuildAttempt
from ingest.builds.formats.build_files import Chunks
from models.builds.build import BuildKind, BuildSource
from models.redaction.logs import Redactor


@dataclass(frozen=True, slots=True)
class ObservedBuild:
    """An attempt, and the files that describe it.

    `logs` are the logs that the attempt names, unchanged: they must pass through `redactor`.
    `source` is set when it differs from that of the attempt. `session` is the same for all attempts
    of one report. `fingerprint` identifies the state of the files. `cause` is the attempt of the
    same report whose failure prevented this one from running.
    """

    attempt: BuildAttempt
    path: str
    logs: Mapping[str, Chunks] = field(default_factory=dict)
    redactor: Redactor = field(default_factory=Redactor)
    kind: BuildKind = "build"
    source: BuildSource | None = None
    session: str | None = None
    fingerprint: str | None = None
    tags: tuple[str, ...] = ()
    ingestion_id: str | None = None
    cause: "ObservedBuild | None" = None
