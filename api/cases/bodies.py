"""The bodies with which cases and executions are recorded and edited."""

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
from models.cases.execution import Software, Status, Timing
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
    """Which case is meant; another machine or user is another case."""

    machine: Name
    user: Name
    name: Name


class NewCase(CaseIdentity, CaseAnnotations):
    """A case that has no executions yet."""

    model_config = Strict.model_config
    extra: Extra = Field(default_factory=dict)
    reason: Reason = None


class SimulatedDay(Strict):
    """A date of the simulated calendar: ISO text, with the time of day if it is not midnight."""

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
    """An execution as a workflow states it.

    `configuration` is by delta key, such as `env_run.STOP_N`; without it nothing can be compared.
    Times are local wall time of the machine.
    """

    case_id: Annotated[str | None, Field(description="The case, by its id …")] = None
    case: Annotated[CaseIdentity | None, Field(description="… or by what it is.")] = None
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
            raise ValueError("either caseId or case has to be given")
        return self

    @model_validator(mode="after")
    def _has_delta_keys(self) -> "NewExecution":
        values = self.configuration or {}
        check_keys(values)
        for name in METADATA_FIELDS.keys() & values.keys():
            if not isinstance(values[name], str | None):
                raise ValueError(f"{name} is a text")
        return self

    def annotations(self) -> ExecutionAnnotations:
        """Return what is written about it."""
        return ExecutionAnnotations(
            notes=self.notes, links=self.links, artifacts=self.artifacts, extra=self.extra
        )


class CaseEdit(CaseAnnotations):
    """What is to be written about a case; fields that are not given stay as they are."""

    model_config = Strict.model_config
    extra: Extra = Field(default_factory=dict)
    reason: Reason = None


class ExecutionEdit(ExecutionAnnotations):
    """What is to be written about an execution; fields that are not given stay as they are."""

    model_config = Strict.model_config
    extra: Extra = Field(default_factory=dict)
    reason: Reason = None


class CanonicalChoice(Strict):
    """Which execution is to stay canonical; null lets the rule decide again."""

    execution_id: ExecutionName | None
    reason: Reason = None


def given_fields(edit: BaseModel) -> dict[str, Any]:
    """Return the annotations that an edit sets, by attribute."""
    return {name: getattr(edit, name) for name in edit.model_fields_set - {"reason"}}
