"""The request bodies that record and edit cases and executions."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from api.http.bodies import ExecutionName, Extra, Name, Reason, Strict, Value
from models.cases.annotations import (
    Artifact,
    CaseAnnotations,
    ExecutionAnnotations,
    Line,
    Link,
    Text,
)
from models.cases.execution import Software, Timing
from models.cases.scheduler import Status
from models.cases.simulated_date import CALENDARS, Calendar, SimulatedDate, parse_iso_date
from models.configuration.keys import check_keys
from models.configuration.metadata import METADATA_FIELDS

_LOCAL = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"


def _existing_time(text: str) -> str:
    datetime.fromisoformat(text)
    return text


LocalTime = Annotated[
    str, StringConstraints(pattern=rf"^{_LOCAL}$"), AfterValidator(_existing_time)
]


class CaseIdentity(Strict):
    """The identity of a case; on another machine or for another user it is another case."""

    machine: Name
    user: Name
    name: Name


class NewCase(CaseIdentity, CaseAnnotations):
    """A case that has no executions yet."""

    model_config = Strict.model_config
    extra: Extra = Field(default_factory=dict)
    reason: Reason = None


class SimulatedDay(Strict):
    """A date of the simulated calendar in ISO form, with the time of day unless it is midnight."""

    date: Annotated[str, StringConstraints(max_length=40)]
    calendar: Calendar = CALENDARS[0]

    def stored(self) -> SimulatedDate:
        """Return the date as it is stored; ValueError when there is no such day."""
        return parse_iso_date(self.date, self.calendar).to_stored()

    @model_validator(mode="after")
    def _is_a_day(self) -> "SimulatedDay":
        self.stored()
        return self


class NewExecution(Strict):
    """An execution as a workflow reports it.

    `configuration` is keyed by delta key, such as `env_run.STOP_N`; without it, no comparison is
    possible. Times are the local wall time of the machine.
    """

    case_id: Annotated[str | None, Field(description="The id of the case; either this …")] = None
    case: Annotated[CaseIdentity | None, Field(description="… or the identity of the case.")] = None
    execution_id: ExecutionName
    status: Status
    run_start_local: LocalTime
    run_end_local: LocalTime | None = None
    job_id: Line | None = None
    case_group: Line | None = None
    case_hash: Line | None = None
    simulation_start: SimulatedDay | None = None
    simulation_end: SimulatedDay | None = None
    timing: Timing | None = None
    software: Annotated[list[Software], Field(max_length=1000)] = Field(default_factory=list)
    configuration: Annotated[dict[str, Value | list[Value]], Field(max_length=100_000)] | None = (
        None
    )
    notes: Text | None = None
    links: Annotated[list[Link], Field(max_length=200)] = Field(default_factory=list)
    artifacts: Annotated[list[Artifact], Field(max_length=200)] = Field(default_factory=list)
    extra: Extra = Field(default_factory=dict)
    reason: Reason = None

    @model_validator(mode="after")
    def _names_one_case(self) -> "NewExecution":
        if (self.case_id is None) == (self.case is None):
            raise ValueError("exactly one of caseId and case is required")
        return self

    @model_validator(mode="after")
    def _has_delta_keys(self) -> "NewExecution":
        values = self.configuration or {}
        check_keys(values)
        for name in METADATA_FIELDS.keys() & values.keys():
            if not isinstance(values[name], str | None):
                raise ValueError(f"{name} must be a text")
        return self

    def annotations(self) -> ExecutionAnnotations:
        """Return the annotations among the fields."""
        return ExecutionAnnotations(
            notes=self.notes, links=self.links, artifacts=self.artifacts, extra=self.extra
        )


class CaseEdit(CaseAnnotations):
    """The annotations of a case to change; fields that are not given remain unchanged."""

    model_config = Strict.model_config
    extra: Extra = Field(default_factory=dict)
    reason: Reason = None


class ExecutionEdit(ExecutionAnnotations):
    """The annotations of an execution to change; fields that are not given remain unchanged."""

    model_config = Strict.model_config
    extra: Extra = Field(default_factory=dict)
    reason: Reason = None


class CanonicalChoice(Strict):
    """The execution to pin as canonical; null lets the rule choose again."""

    execution_id: ExecutionName | None
    reason: Reason = None


def edited_fields(edit: BaseModel) -> dict[str, Any]:
    """Return the annotations that the client has sent, by attribute name."""
    return {name: getattr(edit, name) for name in edit.model_fields_set - {"reason"}}
