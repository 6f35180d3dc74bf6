"""The bodies of requests that start and prepare imports."""

from typing import Annotated

from pydantic import Field, StringConstraints

from api.http.bodies import Name, Strict


class ImportFromPath(Strict):
    """A path on the server to import."""

    path: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    machine: Name | None = None


class FoundElsewhere(Strict):
    """An execution directory on a client: its path, and a summary of its files."""

    path: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    fingerprint: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    file_count: Annotated[int, Field(strict=True, ge=0, lt=2**31)]
    modified: Annotated[int, Field(strict=True, ge=-(2**40), lt=2**40)]


class LackingQuestion(Strict):
    """The directories of an upload of this name, to find those that would add something."""

    name: Name
    executions: Annotated[list[FoundElsewhere], Field(max_length=1000)]
