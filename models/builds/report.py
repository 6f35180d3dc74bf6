"""The request bodies by which a hook or a CI job reports a build over REST while it runs."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, field_validator
from pydantic.alias_generators import to_camel

from models.base import Integer, Real, Stored
from models.builds.build import BuildHost, BuildStatus, BuildTest
from models.builds.manifest import ManifestEntry

Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]


def _check_exists(moment: str) -> str:
    datetime.fromisoformat(moment.removesuffix("Z").partition(".")[0])
    return moment


Moment = Annotated[
    str,
    StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z?$"),
    AfterValidator(_check_exists),
]


class _ReportBody(Stored):
    """A part of a request body; an unknown field is an error."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True, extra="forbid"
    )


class ReportedEntry(_ReportBody, ManifestEntry):
    """An installed file; a path that could lead out of the prefix is an error."""

    path: Annotated[
        str, StringConstraints(min_length=1, max_length=4096, pattern=r"^[^/\x00][^\x00]*$")
    ]
    mode: Annotated[Integer | None, Field(ge=0, lt=2**32)] = None
    size: Annotated[Integer | None, Field(ge=0, lt=2**63)] = None
    hash: Annotated[str | None, StringConstraints(max_length=200)] = None
    target: Annotated[str | None, StringConstraints(max_length=4096)] = None

    @field_validator("path")
    @classmethod
    def _is_below_the_prefix(cls, path: str) -> str:
        if path != "." and not {"", ".", ".."}.isdisjoint(path.split("/")):
            raise ValueError("the path is not a plain path below the prefix")
        return path


class BuildChange(_ReportBody):
    """An update of a known build; only the fields that are present change."""

    status: BuildStatus | None = None
    failed_phase: Word | None = None
    message: Annotated[str, StringConstraints(max_length=10_000)] | None = None
    ended_local: Moment | None = None
    seconds: Annotated[Real, Field(ge=0, allow_inf_nan=False)] | None = None
    tags: Annotated[list[Word], Field(max_length=100)] | None = None
    tests: Annotated[list[BuildTest], Field(max_length=10_000)] | None = None
    manifest: Annotated[list[ReportedEntry], Field(max_length=200_000)] | None = None
    extra: dict[str, Any] | None = None

    @field_validator("manifest")
    @classmethod
    def _has_each_path_once(cls, entries: list[ReportedEntry] | None) -> list[ReportedEntry] | None:
        if entries is not None and len({entry.path for entry in entries}) < len(entries):
            raise ValueError("a path occurs more than once")
        return entries


class NewBuild(_ReportBody):
    """A new build: one that begins, or one to be run, whose status is then `not_run`."""

    spec_hash: Annotated[str, StringConstraints(pattern=r"^[a-z2-7]{32}$")]
    name: Word | None = None
    """The name of the package; that of the spec when one with the hash is recorded."""
    version: Word | None = None
    status: BuildStatus = "running"
    started_local: Moment | None = None
    host: BuildHost | None = None
    variables: Annotated[dict[str, str], Field(max_length=1000)] = Field(default_factory=dict)
    configure_args: Annotated[list[str], Field(max_length=10_000)] | None = None
    tags: Annotated[list[Word], Field(max_length=100)] = Field(default_factory=list)
    session: Word | None = None
    key: Word | None = None
    """The key that distinguishes builds of one spec that have no precise start time: reports with
    the same key are about the same build."""
    extra: dict[str, Any] = Field(default_factory=dict)


class PhaseReport(_ReportBody):
    """An update of a phase."""

    status: Annotated[str, StringConstraints(pattern="^(success|failed|running|unknown)$")]
    started_local: Moment | None = None
    seconds: Annotated[Real, Field(ge=0, allow_inf_nan=False)] | None = None
