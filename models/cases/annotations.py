"""Annotations: what people write about cases and executions; an import never changes them."""

from typing import Annotated, Any

from pydantic import AnyHttpUrl, Field, StringConstraints, field_validator

from models.base import Stored

MAX_EXTRA_BYTES = 64 * 1024

Line = Annotated[str, StringConstraints(max_length=500, strip_whitespace=True, min_length=1)]
Text = Annotated[str, StringConstraints(max_length=100_000)]


class Link(Stored):
    """A web page, http or https only, and its title."""

    url: Annotated[str, StringConstraints(max_length=2000)]
    title: Line | None = None

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        AnyHttpUrl(url)
        return url


class Artifact(Stored):
    """A product of an execution: its location and its kind."""

    location: Annotated[str, StringConstraints(max_length=2000, min_length=1)]
    kind: Line | None = None
    title: Line | None = None


class Annotations(Stored):
    """The annotations that cases and executions have in common.

    `notes` are Markdown. `extra` is any JSON object; it is stored without interpretation.
    """

    notes: Text | None = None
    links: Annotated[list[Link], Field(max_length=200)] = Field(default_factory=list)
    extra: dict[str, Any] = Field(default_factory=dict)


class CaseAnnotations(Annotations):
    """The annotations of a case; `simulation_type` is not contained in its files."""

    description: Text | None = None
    key_features: Text | None = None
    known_issues: Text | None = None
    tags: Annotated[list[Line], Field(max_length=200)] = Field(default_factory=list)
    simulation_type: Line | None = None


class ExecutionAnnotations(Annotations):
    """The annotations of an execution."""

    artifacts: Annotated[list[Artifact], Field(max_length=200)] = Field(default_factory=list)
