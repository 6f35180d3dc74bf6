"""What people write about cases and executions; an import never touches it."""

from typing import Annotated, Any

from pydantic import AnyHttpUrl, Field, StringConstraints, field_validator

from models.base import Stored

MOST_EXTRA_BYTES = 64 * 1024

Line = Annotated[str, StringConstraints(max_length=500, strip_whitespace=True, min_length=1)]
Text = Annotated[str, StringConstraints(max_length=100_000)]


class Link(Stored):
    """A page elsewhere, and what it is called; http or https only."""

    url: Annotated[str, StringConstraints(max_length=2000)]
    title: Line | None = None

    @field_validator("url")
    @classmethod
    def _is_of_the_web(cls, url: str) -> str:
        AnyHttpUrl(url)
        return url


class Artifact(Stored):
    """Something that an execution left: where it lies, and what kind of thing it is."""

    location: Annotated[str, StringConstraints(max_length=2000, min_length=1)]
    kind: Line | None = None
    title: Line | None = None


class Annotations(Stored):
    """What can be written about a case and about an execution alike.

    `notes` are Markdown. `extra` is what callers add: any JSON object, which nobody interprets.
    """

    notes: Text | None = None
    links: Annotated[list[Link], Field(max_length=200)] = Field(default_factory=list)
    extra: dict[str, Any] = Field(default_factory=dict)


class CaseAnnotations(Annotations):
    """What people write about a case; `simulation_type` says what its files do not."""

    description: Text | None = None
    key_features: Text | None = None
    known_issues: Text | None = None
    tags: Annotated[list[Line], Field(max_length=200)] = Field(default_factory=list)
    simulation_type: Line | None = None


class ExecutionAnnotations(Annotations):
    """What people write about an execution."""

    artifacts: Annotated[list[Artifact], Field(max_length=200)] = Field(default_factory=list)
