"""The bodies with which imports are started and prepared."""

from typing import Annotated

from pydantic import Field, StringConstraints

from api.http.bodies import Name, Strict


class ImportFromPath(Strict):
    """Something to import that the server can read."""

    path: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    machine: Name | None = None


class FoundElsewhere(Strict):
    """An execution directory that a client has: its place, and which files it has."""

    path: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    fingerprint: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    file_count: Annotated[int, Field(strict=True, ge=0, lt=2**31)]
    modified: Annotated[int, Field(strict=True, ge=-(2**40), lt=2**40)]


class LackingQuestion(Strict):
    """Which of these directories would an upload under this name teach something?"""

    name: Name
    executions: Annotated[list[FoundElsewhere], Field(max_length=1000)]
