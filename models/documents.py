"""The collections of Caseledger: their document classes with validation and indexes.

The records that they hold are in the wings. Only the creation of the schema needs this module, and
with it Beanie: see `models.connection`. A change of an index or of a
collection needs another SCHEMA_VERSION.
"""

from datetime import datetime
from typing import Annotated, ClassVar

from beanie import Document
from pydantic import Field

from models.base import Stored
from models.builds.build import BuildEvent, BuildRecord
from models.builds.build_fields import BUILDS
from models.builds.manifest import ManifestEntry
from models.cases.case import CaseRecord
from models.cases.case_fields import CASES
from models.cases.edit import EditRecord
from models.cases.execution import Execution
from models.cases.execution_fields import EXECUTIONS
from models.cases.execution_source import KEPT_SECONDS, SourceFolder
from models.cases.listed_execution import LinkedSpec, ListedExecutionRecord
from models.database import schema
from models.database.client import Database
from models.database.types import Index
from models.fields import configuration_indexes
from models.ingestions.ingestion import COUNTED, IngestionRecord
from models.specs.spec import SpecRecord
from models.specs.spec_fields import SPECS
from models.specs.spec_file import FIRST_PART
from models.specs.stored_closure import derive_closures
from models.tokens.token import TokenRecord
from models.version import SCHEMA_VERSION


class Case(CaseRecord, Document):
    """A document of the collection `cases`; `_id` is `CaseKey.case_id`.

    `revision` increases by one with every write; a writer replaces only the revision that it read.
    """

    model_config = Stored.model_config  # type: ignore[misc]

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]

    class Settings:
        """Collection and indexes."""

        name = "cases"
        keep_nulls = True
        indexes: ClassVar[list[Index]] = [
            *CASES.indexes(),
            *configuration_indexes("configuration"),
            Index([("machine", 1), ("user", 1), ("name", 1)], name="identity", unique=True),
            Index([("executions.executionId", 1)], name="executionId"),
            Index([("executions.changed", 1)], name="changed"),
        ]


class CaseOverflow(Document):
    """A document of the collection `caseOverflows`; `_id` is case id, slash, number."""

    model_config = Stored.model_config

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]
    case_id: str
    number: int
    executions: list[Execution]

    class Settings:
        """Collection and indexes."""

        name = "caseOverflows"
        keep_nulls = True
        indexes: ClassVar[list[Index]] = [
            Index([("caseId", 1), ("number", 1)], name="case", unique=True),
        ]


class ListedExecution(ListedExecutionRecord, Document):
    """A document of the collection `executions`; `_id` is case id, slash, LID.

    `specs` are derived from `software`, `softwareLinks` and the recorded specs: see
    `models.software.links`.
    """

    model_config = Stored.model_config  # type: ignore[misc]

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]
    specs: list[LinkedSpec] = Field(default_factory=list)

    class Settings:
        """Collection and indexes."""

        name = "executions"
        keep_nulls = True
        indexes: ClassVar[list[Index]] = [
            *EXECUTIONS.indexes(),
            *configuration_indexes("overrides"),
            Index([("caseId", 1), ("orderKey", 1), ("_id", 1)], name="in case"),
            Index([("machine", 1), ("status", 1), ("lidTime", 1)], name="overview"),
            Index([("specs.hash", 1), ("lidTime", 1), ("_id", 1)], name="specs"),
            Index([("softwareLinks.specHash", 1)], name="softwareLinks", sparse=True),
        ]


class ExecutionSource(Document):
    """A document of the collection `executionSources`; `_id` is a digest of the path.

    `fingerprint`, `file_count` and `files_modified` summarize its files.
    """

    model_config = Stored.model_config

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]
    directory: str
    folders: list[SourceFolder]
    fingerprint: str
    file_count: int
    files_modified: int
    listed_at: datetime

    class Settings:
        """Collection and indexes."""

        name = "executionSources"
        keep_nulls = True
        indexes: ClassVar[list[Index]] = [
            Index([("listedAt", 1)], name="listedAt", expireAfterSeconds=KEPT_SECONDS)
        ]


class Ingestion(IngestionRecord, Document):
    """A document of the collection `ingestions`; `_id` is the ingestion's id."""

    model_config = Stored.model_config  # type: ignore[misc]

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]

    class Settings:
        """Collection and indexes."""

        name = "ingestions"
        keep_nulls = True
        indexes: ClassVar[list[Index]] = [
            Index([("startedAt", -1), ("_id", 1)], name="startedAt"),
            Index([("status", 1), ("startedAt", -1)], name="status"),
            # It covers the query for totals over all imports.
            Index([("status", 1), *((f"counts.{name}", 1) for name in COUNTED)], name="counts"),
        ]


class Edit(EditRecord, Document):
    """A document of the collection `edits`; `_id` is a random UUID."""

    model_config = Stored.model_config  # type: ignore[misc]

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]

    class Settings:
        """Collection and indexes."""

        name = "edits"
        keep_nulls = True
        indexes: ClassVar[list[Index]] = [
            Index([("caseId", 1), ("at", 1), ("_id", 1)], name="case"),
        ]


class Spec(SpecRecord, Document):
    """A document of the collection `specs`."""

    model_config = Stored.model_config  # type: ignore[misc]

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]

    class Settings:
        """Collection and indexes."""

        name = "specs"
        keep_nulls = True
        indexes: ClassVar[list[Index]] = [
            Index([("name", 1), ("versionKey", 1), ("_id", 1)], name="name"),
            Index([("hashes", 1)], name="hashes"),
            Index([("versionKey", 1), ("_id", 1)], name="version"),
            Index([("namespace", 1), ("name", 1)], name="namespace"),
            Index([("target", 1), ("name", 1)], name="target"),
            Index([("os", 1), ("name", 1)], name="os"),
            Index([("platform", 1), ("name", 1)], name="platform"),
            Index(
                [("compilers.name", 1), ("compilers.versionKey", 1), ("compilers.hash", 1)],
                name="compiler",
            ),
            Index(
                [
                    ("dependencies.name", 1),
                    ("dependencies.versionKey", 1),
                    ("dependencies.scope", 1),
                    ("dependencies.direct", 1),
                ],
                name="dependency",
            ),
            Index(
                [("dependencies.hash", 1), ("dependencies.scope", 1), ("dependencies.direct", 1)],
                name="dependency hash",
            ),
            Index([("dependencies.virtuals", 1)], name="virtual"),
            Index(
                [("builtWith.name", 1), ("builtWith.versionKey", 1)],
                name="built with",
                partialFilterExpression={"isSpliced": True},
            ),
            Index(
                [("missing", 1)],
                name="missing",
                partialFilterExpression={"missing.0": {"$exists": True}},
            ),
            Index([("provenance.environment", 1)], name="environment", sparse=True),
            Index([("provenance.origin", 1), ("isRoot", 1), ("name", 1)], name="origin"),
            Index(
                [("$**", 1)],
                name="variants and flags",
                wildcardProjection={"variants": 1, "flags": 1},
            ),
            *SPECS.indexes(),
        ]


class SpecFile(Document):
    """A document of the collection `specFiles`: one part of a file.

    `_id` is the digest of the content, a slash and `number`. The parts of a file differ only in
    `number` and `content`.
    """

    model_config = Stored.model_config

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]
    digest: str
    number: int
    parts: int
    kind: str
    file: str
    format: int
    spec_count: int
    content: bytes
    ingestion_id: str | None
    created_at: datetime

    class Settings:
        """Collection and indexes."""

        name = "specFiles"
        keep_nulls = True
        indexes: ClassVar[list[Index]] = [
            Index([("digest", 1), ("number", 1)], name="digest", unique=True),
            *(
                Index(keys, name=name, partialFilterExpression=FIRST_PART)
                for name, keys in (
                    ("by time", [("createdAt", -1), ("_id", 1)]),
                    ("by file", [("file", 1), ("createdAt", -1), ("_id", 1)]),
                )
            ),
        ]


class SpecSource(Document):
    """A document of the collection `specSources`; `_id` is a digest of the path.

    Size and times, in nanoseconds, are those that the file had; `reader` is the version that has
    read it, and `items` how many items it found. The mark has a `token` instead.
    """

    model_config = Stored.model_config

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]
    file: str
    size: int
    modified: int
    changed: int
    reader: str
    items: int
    ingestion_id: str | None
    read_at: datetime

    class Settings:
        """Collection and indexes."""

        name = "specSources"
        keep_nulls = True
        indexes: ClassVar[list[Index]] = []


class Build(BuildRecord, Document):
    """A document of the collection `builds`; `ingest.builds.identity` computes its `_id`.

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
            Index(
                [("session", 1), ("kind", 1), ("orderKey", 1), ("status", 1)],
                name="session of kind",
            ),
            Index([("manifest.digest", 1)], name="manifest"),
            Index([("logs.digest", 1)], name="logs"),
            Index([("reported.logs.digest", 1)], name="reported logs", sparse=True),
            Index([("fingerprints", 1)], name="fingerprints"),
            Index([("cancelledBy.buildId", 1)], name="cancelledBy", sparse=True),
        ]


class BuildEvents(Stored, Document):
    """A document of the collection `buildEvents`: events for which the build has no room.

    `_id` is the id of the build, a slash and `number`, which counts from 1. Errors come before
    warnings.
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


class ManifestPart(Stored, Document):
    """A document of the collection `manifests`: one part of a manifest.

    `_id` is the digest, a slash and `number`, which counts from 0. The entries are sorted by path,
    across all parts. `used_at` is when an importer last began to write a build that refers to the
    manifest.
    """

    model_config = Stored.model_config  # type: ignore[misc]

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]
    digest: str
    number: int
    used_at: datetime
    entries: list[ManifestEntry]

    class Settings:
        """Collection and indexes."""

        name = "manifests"
        keep_nulls = False
        indexes: ClassVar[list[Index]] = [
            Index([("digest", 1), ("number", 1)], name="manifest"),
            Index([("entries.path", 1), ("digest", 1)], name="path"),
            Index([("entries.hash", 1), ("digest", 1)], name="hash", sparse=True),
        ]


class Token(TokenRecord, Document):
    """A document of the collection `tokens`; `_id` is the token's public id."""

    model_config = Stored.model_config  # type: ignore[misc]

    id: Annotated[str, Field(alias="_id")]  # type: ignore[assignment]

    class Settings:
        """Collection and indexes."""

        name = "tokens"
        keep_nulls = True
        indexes: ClassVar[list[Index]] = [
            Index([("createdAt", -1), ("_id", 1)], name="createdAt"),
        ]


DOCUMENTS: tuple[type[Document], ...] = (
    Case,
    CaseOverflow,
    ListedExecution,
    ExecutionSource,
    Ingestion,
    Edit,
    Spec,
    SpecFile,
    SpecSource,
    Build,
    BuildEvents,
    ManifestPart,
    Token,
)
"""All document classes, in the order in which their collections are created."""


async def create_schema(database: Database) -> None:
    """Create the collections and indexes that are missing; see `models.database.schema`.

    In a database of an earlier version, closures of specs are derived again first.
    """
    await derive_closures(database)
    await schema.create_schema(database, DOCUMENTS, SCHEMA_VERSION)


async def create_collections(database: Database) -> None:
    """Create the collections that are missing, without indexes, to make a bulk load faster."""
    await schema.create_collections(database, DOCUMENTS)
