"""The fields of an execution in a list."""

from models.cases.identity import machines_named, spell_machine
from models.cases.scheduler import STATUSES
from models.fields import Field, FieldTable

_LOCAL = "ISO 8601, local wall time of the machine"

EXECUTIONS = FieldTable(
    resource="executions",
    order=("lidTime", "_id"),
    default_sort="-lidTime",
    words="searchWords",
    fields=(
        Field("executionId", "text", "The LID of the execution.", "729351.250107-193415"),
        Field("caseId", "text", "The id of its case.", "956da483-a010-5dbc-9526-b4f51ae7dd3a"),
        Field("caseName", "text", "The name of its case.", "v3.LR.historical_0101"),
        Field("caseGroup", "text", "The group, or ensemble, of the case.", "v3.LR.historical"),
        Field(
            "machine", "text", "The machine that it ran on.", "pm-cpu", meaning=machines_named,
        ),
        Field(
            "system", "text", "The system that the machine is part of.", "perlmutter",
            meaning=lambda name: (spell_machine(name),),
        ),
        Field("user", "text", "The user who ran it.", "jdoe"),
        Field("jobId", "text", "The scheduler's id of the job.", "729351"),
        Field("lidTime", "local time", f"When the job began: {_LOCAL}.", "2025-01-07T19:34:15"),
        Field(
            "status", "text",
            "`completed`, `failed`, `timeout`, `cancelled`, `running` or `unknown`.", "completed",
            choices=STATUSES,
        ),
        Field(
            "statusSource", "text", "The source of the status.", "CaseStatus",
            filterable=False, sortable=False,
        ),
        Field(
            "schedulerState", "text", "The scheduler's word for how the job ended.", "TIMEOUT"
        ),
        Field(
            "failedPhase", "text",
            "The phase of CIME that ended with an error: `case.run` or `model execution`.",
            "model execution",
        ),
        Field(
            "failureReason", "text", "Why it has not completed: the text of an error, or another.",
            "RUN FAIL",
        ),
        Field(
            "failureLog", "text", "The log that the error names.", "/scratch/e3sm.log.729351",
            filterable=False, sortable=False,
        ),
        Field(
            "attempts", "integer", "How many runs its job made, 0 when none is known.", "2",
        ),
        Field(
            "missing", "list of text", "Required files that it lacks.", "CaseStatus",
            sortable=False,
        ),
        Field(
            "problems", "map", "What could not be read of its files.",
            filterable=False, sortable=False,
        ),
        Field(
            "problems.reason", "list of text", "The kinds of these problems.", "truncated",
            sortable=False,
        ),
        Field("complete", "boolean", "Whether all required files exist and are readable.", "true"),
        Field("isCanonical", "boolean", "Whether it is the canonical one of its case.", "true"),
        Field("caseHash", "text", "CASE_HASH, which identifies a creation of a case.", "7f3a91c2"),
        Field("runStartLocal", "local time", f"When the model started: {_LOCAL}.", "2025-01-07"),
        Field("runEndLocal", "local time", f"When the model ended: {_LOCAL}.", "2025-01-08"),
        Field(
            "runEndSource", "text", "The source of that end: CaseStatus, or the timing profile.",
            "CaseStatus", filterable=False, sortable=False,
        ),
        Field(
            "simulationStart", "simulated date", "Where the run began in simulated time.",
            "1850-01-01", path="simulationStart.sortKey",
        ),
        Field(
            "simulationEnd", "simulated date", "Where the run ended in simulated time.",
            "1855-01-01", path="simulationEnd.sortKey",
        ),
        Field(
            "simulationEndReached", "boolean",
            "Whether it got there; otherwise the end is only planned.", "true",
        ),
        Field(
            "changed", "list of text",
            "The delta keys of the values that differ from the canonical execution.",
            "env_run.ATM_NCPL", sortable=False,
        ),
        Field("changeCount", "integer", "The number of values that differ so.", "2"),
        Field(
            "changedSincePrevious", "list of text",
            "The delta keys of the values that were changed since the execution before.",
            "env_run.ATM_NCPL", sortable=False,
        ),
        Field(
            "previousExecutionId", "text",
            "The last execution before it whose configuration is known.", "729350.250106-101112",
            filterable=False, sortable=False,
        ),
        Field(
            "runConfigDeltas", "map", "The differences; filter by `changed` and `delta.<key>`.",
            filterable=False, sortable=False,
        ),
        Field(
            "timing", "map", "The summary of the timing profile.",
            filterable=False, sortable=False,
        ),
        Field(
            "timing.modelCost", "real", "Cost, pe-hours per simulated year.", "1200.5",
        ),
        Field(
            "timing.modelThroughput", "real", "Throughput, simulated years per day.", "9.5",
        ),
        Field(
            "software", "map", "Spack packages that it ran on.", filterable=False, sortable=False
        ),
        Field(
            "software.name", "list of text", "Name of a Spack package that it ran on.",
            "netcdf-c", sortable=False,
        ),
        Field(
            "software.hash", "list of text", "DAG hash, or its beginning, of such a package.",
            "a4hji6e", sortable=False,
        ),
        Field("compset", "text", "The short alias of the component set.", "WCYCL20TR"),
        Field("compsetAlias", "text", "The long name of the component set.", "20TRSOI_EAM%CMIP6"),
        Field("gridName", "text", "The short alias of the grid.", "ne30pg2_r05_IcoswISC30E3r5"),
        Field("gridResolution", "text", "The long name of the grid.", "a%ne30np4.pg2_l%r05"),
        Field("initializationType", "text", "RUN_TYPE: startup, hybrid or branch.", "hybrid"),
        Field("compiler", "text", "The compiler.", "gnu"),
        Field("gitTag", "text", "The tag of the source.", "v3.0.2"),
        Field("gitCommitHash", "text", "The commit of the source.", "7c4ec379a6"),
        Field("gitBranch", "text", "The branch of the source.", "maint-3.0"),
        Field(
            "gitRepositoryUrl", "text", "The repository of the source.",
            "https://github.com/E3SM-Project/E3SM",
        ),
        Field("campaign", "text", "The campaign, from the case's name.", "v3.LR.historical"),
        Field("experimentType", "text", "The experiment, from the case's name.", "historical"),
        Field("simulationType", "text", "The type that a person stated.", "production"),
        Field(
            "ingestionId", "text", "The import that recorded it.",
            "6fa20d82-3c1e-4b0e-9d6a-0c8f6d1b2a3e", sortable=False,
        ),
    ),
)  # fmt: skip
