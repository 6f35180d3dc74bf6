"""The fields of a case in a list."""

from models.cases.identity import machines_named, spell_machine
from models.fields import Field, FieldTable

_OF_CANONICAL = "of the canonical execution"

CASES = FieldTable(
    resource="cases",
    order=("name", "_id"),
    default_sort="name",
    words="searchWords",
    fields=(
        Field(
            "id", "text", "The id of the case.", "956da483-a010-5dbc-9526-b4f51ae7dd3a",
            path="_id", sortable=False,
        ),
        Field("name", "text", "The name of the case.", "v3.LR.historical_0101"),
        Field(
            "machine", "text", "The machine that it runs on.", "pm-cpu", meaning=machines_named,
        ),
        Field(
            "system", "text", "The system that the machine is part of.", "perlmutter",
            meaning=lambda name: (spell_machine(name),),
        ),
        Field("user", "text", "The user who runs it.", "jdoe"),
        Field("caseGroup", "text", "The group, or ensemble, of the case.", "v3.LR.historical"),
        Field("canonicalExecutionId", "text", "The canonical execution.", "729351.250107-193415"),
        Field("compset", "text", f"The short alias of the compset, {_OF_CANONICAL}.", "F2010"),
        Field("compsetAlias", "text", "The long name of the component set.", "2010_EAM%CMIP6"),
        Field("gridName", "text", f"The short alias of the grid, {_OF_CANONICAL}.", "ne30pg2_r05"),
        Field("gridResolution", "text", "The long name of the grid.", "a%ne30np4.pg2_l%r05"),
        Field("initializationType", "text", "RUN_TYPE: startup, hybrid or branch.", "hybrid"),
        Field("compiler", "text", f"The compiler, {_OF_CANONICAL}.", "gnu"),
        Field("mpilib", "text", "The MPI library.", "mpich"),
        Field("calendar", "text", "The simulated calendar.", "NO_LEAP"),
        Field("gitTag", "text", "The tag of the source.", "v3.0.2"),
        Field("gitCommitHash", "text", "The commit of the source.", "7c4ec379a6"),
        Field("gitBranch", "text", "The branch of the source.", "maint-3.0"),
        Field(
            "gitRepositoryUrl", "text", "The repository of the source.",
            "https://github.com/E3SM-Project/E3SM",
        ),
        Field("campaign", "text", "The campaign, from the name.", "v3.LR.historical"),
        Field("experimentType", "text", "The experiment, from the name.", "historical"),
        Field("simulationType", "text", "The type that a person stated.", "production"),
        Field("executionCount", "integer", "The number of its executions.", "12"),
        Field(
            "statusCounts", "map", "The number of executions with each status.",
            filterable=False, sortable=False,
        ),
        Field("firstLidTime", "local time", "When its first job began.", "2025-01-07"),
        Field("lastLidTime", "local time", "When its last job began.", "2025-03-01"),
        Field(
            "executions", "map", "A summary of each execution; shown only when `fields` names it.",
            filterable=False, sortable=False, listed=False, shown_from="executionCount",
        ),
        Field(
            "revision", "integer", "Increases by one with every change.",
            filterable=False, sortable=False,
        ),
        Field("createdAt", "date-time", "When it was first recorded.", "2026-01-02T03:04:05Z"),
        Field("updatedAt", "date-time", "When it was last changed.", "2026-01-02T03:04:05Z"),
    ),
)  # fmt: skip
