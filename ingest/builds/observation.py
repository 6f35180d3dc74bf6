"""An attempt as one source tells of it, with its logs still to be read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest.builds.formats.attempt import BuildAttempt
from ingest.builds.formats.build_files import Chunks
from models.builds.build import BuildKind, BuildSource
from models.redaction.logs import Redactor


@dataclass(frozen=True, slots=True)
class ObservedBuild:
    """An attempt, and where it was seen.

    `logs` give the logs that the attempt names, as they lie there; `redactor` is what they have to
    go through. `source` is that of the attempt unless it is said otherwise. `session` is the same
    for all attempts that one report tells of, and `fingerprint` is of the files that were read.
    `cause` is the attempt of the same report whose failure kept this one from being run.
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

    @property
    def told_by(self) -> BuildSource:
        """What kind of source tells of it."""
        return self.source or self.attempt.source
