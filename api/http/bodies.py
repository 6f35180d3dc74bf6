"""The bodies that the API takes; unknown fields are refused."""

from datetime import datetime
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from api.http.json_body import MAX_BYTES, read_json
from models.cases.annotations import (
    MOST_EXTRA_BYTES,
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

Body = TypeVar("Body", bound=BaseModel)

_COMPONENTS = "#/components/schemas/"
_BODIES: set[type[BaseModel]] = set()
_LOCAL = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"


def _existing_time(text: str) -> str:
    datetime.fromisoformat(text)
    return text


_VISIBLE = r"[^\x00-\x20\x7f/]"
Name = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=255, pattern=rf"^{_VISIBLE}([^\x00-\x1f\x7f/]*{_VISIBLE})?$"
    ),
]
ExecutionName = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_\[\]-][A-Za-z0-9._\[\]-]*$"
    ),
]
LocalTime = Annotated[
    str, StringConstraints(pattern=rf"^{_LOCAL}$"), AfterValidator(_existing_time)
]


def _storable(extra: dict[str, Any]) -> dict[str, Any]:
    if len(orjson.dumps(extra)) > MOST_EXTRA_BYTES:
        raise ValueError(f"larger than {MOST_EXTRA_BYTES} bytes")
    if any(not name or name.startswith("$") for name in _names(extra)):
        raise ValueError("a name is empty, or begins with a dollar sign")
    return extra


def _names(value: Any) -> list[str]:
    found: list[str] = []
    stack = [value]
    while stack:
        at = stack.pop()
        if isinstance(at, dict):
            found += at
            stack += at.values()
        elif isinstance(at, list):
            stack += at
    return found


Extra = Annotated[dict[str, Any], Field(max_length=1000), AfterValidator(_storable)]
Value = str | int | float | bool | None
Reason = Annotated[Text | None, Field(description="Why it is done; the history keeps it.")]


async def read_body(request: Request, model: type[Body], most_bytes: int = MAX_BYTES) -> Body:
    """Return the body as a model; a 422 names the fields that are wrong."""
    content = await read_json(request, most_bytes)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        errors = [{**item, "loc": ("body", *item["loc"])} for item in error.errors()]
        raise RequestValidationError(errors) from None


def body_of(model: type[BaseModel], example: dict[str, Any]) -> dict[str, Any]:
    """Return what the OpenAPI document says of a body."""
    _BODIES.add(model)
    schema = {"$ref": f"{_COMPONENTS}{model.__name__}"}
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": example}},
        }
    }


def body_schemas() -> dict[str, Any]:
    """Return the schemas of all bodies, by name, for the OpenAPI document."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (model, "validation") for model in sorted(_BODIES, key=lambda m: m.__name__)
    ]
    _, document = models_json_schema(models, ref_template=f"{_COMPONENTS}{{model}}")
    schemas: dict[str, Any] = document["$defs"]
    return schemas


class Strict(BaseModel):
    """A body; names are camelCase, and others are refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


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


def given_fields(edit: BaseModel) -> dict[str, Any]:
    """Return the annotations that an edit sets, by attribute."""
    return {name: getattr(edit, name) for name in edit.model_fields_set - {"reason"}}
