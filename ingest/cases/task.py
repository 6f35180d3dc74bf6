"""What workers are given, and what they return."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.cases.inventory import FileEntry
from ingest.cases.layout import Location
from ingest.cases.origin import Origin
from ingest.cases.sources.base import Content

if TYPE_CHECKING:
    from models.cases.observation import Observation


@dataclass(frozen=True, slots=True)
class Task:
    """One execution directory to read and parse."""

    location: Location
    entries: tuple[FileEntry, ...]
    content: Content
    origin: Origin
    limit: int


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a task: an observation, or the reason why there is none."""

    path: str
    observation: "Observation | None" = None
    reason: str | None = None
    detail: str | None = None
