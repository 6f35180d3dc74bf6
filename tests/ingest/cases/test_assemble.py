"""What the files of an execution say becomes the execution, in the case it belongs to."""

from collections.abc import Mapping
from typing import Any

import pytest

from ingest.cases.assemble import assemble, campaign_of, expand_references
from ingest.cases.inventory import FileEntry, take_inventory
from ingest.cases.layout import Location
from ingest.cases.origin import Origin
from ingest.cases.parse import ParsedFiles, parse_execution
from ingest.cases.parsers.git_files import GitConfig, GitDescribe, GitStatus
from ingest.cases.sources.base import Content
from models.cases.observation import Observation
from models.configuration.delta import apply_delta, diff
from models.configuration.values import Configuration
from models.errors import RejectedError
from tests.support.executions import (
    KEY,
    LID,
    ORIGIN,
    STATUS,
    TIMING,
    execution_files,
    location,
    packed,
)

NOWHERE: dict[str, Any] = {"user": None, "case": None, "machine": None, "is_anchored": False}


def parsed(changes: dict[str, bytes] | None = None, **variables: Any) -> ParsedFiles:
    files = execution_files() | (changes or {})
    inventory = take_inventory([FileEntry(path, 1) for path in files], LID)
    found = parse_execution(inventory, Content(files=files), 10**6)
    set_variables(found, {name.replace("__", "."): value for name, value in variables.items()})
    return found


def set_variables(found: ParsedFiles, values: Mapping[str, Any]) -> None:
    found.parts = dict(Configuration.of({**found.variables, **values}).files)


def observed(found: ParsedFiles | None = None, place: Location | None = None) -> Observation:
    return assemble(place or location(), found or parsed(), ORIGIN)


def problems(observation: Observation) -> list[str]:
    return [problem.reason for problem in observation.execution.problems]


def test_a_complete_execution_is_assembled() -> None:
    found = observed()
    assert found.key == KEY
    assert found.execution.is_successful
    assert problems(found) == []


def test_an_execution_tells_where_it_was_found() -> None:
    own = observed().execution
    assert (own.source_path, own.fingerprint, own.ingestion_id) == (
        "/archive/x", "f" * 32, "import-1",
    )  # fmt: skip


def test_a_path_that_is_not_utf_8_can_be_stored() -> None:
    own = assemble(location(), parsed(), Origin("/caf\udce9", "f", "i")).execution
    assert own.source_path == "/caf\\udce9"


def test_the_lid_gives_job_and_time() -> None:
    own = observed().execution
    assert (own.execution_id, own.job_id, own.job_number) == (LID, "1000", 1000)
    assert own.lid_time == "2025-01-02T03:04:05"


def test_a_run_without_a_batch_system_has_no_job() -> None:
    own = observed(place=location("250102-030405")).execution
    assert (own.job_id, own.job_number) == (None, None)


def test_case_status_gives_outcome_and_start() -> None:
    own = observed().execution
    assert (own.status, own.status_source) == ("completed", "CaseStatus")
    assert own.run_start_local == "2025-01-02T03:04:06"


def run_end(found: ParsedFiles) -> tuple[str | None, str | None]:
    own = observed(found).execution
    return own.run_end_local, own.run_end_source


def test_the_end_of_the_run_is_that_of_case_status() -> None:
    assert run_end(parsed()) == ("2025-01-02T06:07:09", "CaseStatus")


def test_without_an_end_in_case_status_the_profile_tells_it() -> None:
    found = parsed()
    found.case_status = None
    assert run_end(found) == ("2025-01-02T06:07:08", "e3sm_timing")
    found.e3sm_timing = None
    assert run_end(found) == (None, None)


def test_a_run_that_goes_on_has_no_end() -> None:
    going_on = STATUS[: STATUS.index(b"case.run success") - 21]
    found = parsed({f"CaseStatus.{LID}.gz": packed(going_on)})
    assert observed(found).execution.status == "running"
    assert run_end(found) == (None, None)


def test_the_runs_of_other_jobs_tell_nothing_of_it() -> None:
    later = b"2025-01-05 00:00:00: case.run starting 1001\n2025-01-05 01:00:00: case.run error \n"
    own = observed(parsed({f"CaseStatus.{LID}.gz": packed(STATUS + later)})).execution
    assert (own.status, own.run_start_local) == ("completed", "2025-01-02T03:04:06")


@pytest.mark.parametrize("unset", [None, ""])
def test_a_group_and_a_hash_that_are_not_set_are_none(unset: str | None) -> None:
    own = observed(parsed(env_case__CASE_GROUP=unset, env_case__CASE_HASH=unset)).execution
    assert (own.case_group, own.case_hash) == (None, None)


def test_without_case_status_the_outcome_is_unknown() -> None:
    found = parsed()
    found.case_status = None
    own = observed(found).execution
    assert (own.status, own.status_source) == ("unknown", None)
    assert own.run_start_local == own.lid_time


def test_a_run_that_failed_is_not_successful() -> None:
    status = {f"CaseStatus.{LID}.gz": packed(STATUS.replace(b"run success 1000", b"run error "))}
    own = observed(parsed(status)).execution
    assert own.status == "failed"
    assert not own.is_successful


KILLED = b"2025-01-02 03:04:06: case.run starting 1000\n2025-01-03 00:00:00: xmlchange success x\n"


@pytest.mark.parametrize(
    ("case_status", "state", "expected"),
    [
        pytest.param(STATUS, "TIMEOUT", ("completed", "CaseStatus"), id="it completed"),
        pytest.param(
            STATUS.replace(b"run success 1000", b"run error "),
            "COMPLETED",
            ("failed", "CaseStatus"),
            id="it failed",
        ),
        pytest.param(KILLED, "TIMEOUT", ("timeout", "scheduler"), id="it was killed"),
        pytest.param(KILLED, None, ("unknown", "CaseStatus"), id="killed, but nobody tells how"),
        pytest.param(STATUS[:44], None, ("running", "CaseStatus"), id="it has not ended"),
        pytest.param(b"\n", "FAILED", ("failed", "scheduler"), id="only the scheduler knows"),
        pytest.param(b"\n", None, ("unknown", None), id="nobody knows"),
    ],
)
def test_the_end_of_the_run_counts_before_the_word_of_the_scheduler(
    case_status: bytes, state: str | None, expected: tuple[str, str | None]
) -> None:
    found = parsed({f"CaseStatus.{LID}.gz": packed(case_status)})
    own = observed(found, location(state=state)).execution
    assert (own.status, own.status_source) == expected


def test_an_incomplete_execution_is_not_successful() -> None:
    found = parsed()
    found.missing = ["README.case"]
    assert not observed(found).execution.is_successful


@pytest.mark.parametrize("lost", ["env_case", "env_build", "env_run"])
def test_without_the_main_variables_there_is_no_configuration(lost: str) -> None:
    found = parsed()
    found.env_files = {name for name in found.env_files if name != lost}
    observation = observed(found)
    assert observation.configuration is None
    assert not observation.execution.has_configuration


def test_with_damaged_variables_there_is_no_configuration() -> None:
    observation = observed(parsed({f"CaseDocs.{LID}/env_batch.xml.{LID}": b"<file>"}))
    assert observation.configuration is None


def test_namelists_that_are_damaged_are_told() -> None:
    found = parsed()
    found.damaged = {"git_config", "lnd_in", "atm_in_0001"}
    assert observed(found).execution.unread_files == ["atm_in_0001", "lnd_in"]


# Which case it is.


@pytest.mark.parametrize(
    ("place", "variables", "expected"),
    [
        pytest.param({}, {}, KEY.machine, id="path and files agree"),
        pytest.param({"machine": None}, {}, KEY.machine, id="the files tell"),
        pytest.param({"machine": "compy"}, {}, KEY.machine, id="the files count before the path"),
        pytest.param(
            {"machine": "perlmutter"}, {"env_case__MACH": "pm-cpu"}, "pm-cpu", id="part of a system"
        ),
        pytest.param({}, {"env_case__MACH": "nexus"}, "nexus", id="a machine of nobody else"),
        pytest.param({"machine": None}, {"env_case__MACH": "Nexus"}, "nexus", id="the files alone"),
        pytest.param({"machine": None}, {"env_case__MACH": " PM-CPU"}, "pm-cpu", id="spelling"),
    ],
)
def test_the_machine_of_a_case(
    place: dict[str, Any], variables: dict[str, Any], expected: str
) -> None:
    assert observed(parsed(**variables), location(**place)).key.machine == expected


def test_without_variables_the_profile_tells_the_case() -> None:
    found = parsed()
    found.parts.clear()
    key = observed(found, location(**NOWHERE)).key
    assert key == KEY


def test_variables_count_before_the_profile() -> None:
    found = parsed(env_case__CASE="own", env_case__REALUSER="me", env_case__MACH="compy")
    key = observed(found, location(**NOWHERE)).key
    assert (key.name, key.user, key.machine) == ("own", "me", "compy")


def test_without_variables_and_profile_the_readme_tells_the_machine() -> None:
    readme = b"2025-01-01 00:00:00: ./create_newcase --compset F2010 --res ne30 --mach Compy\n"
    found = parsed({f"CaseDocs.{LID}/README.case.{LID}.gz": packed(readme)}, env_case__MACH=None)
    found.e3sm_timing = None
    assert observed(found, location(machine=None)).key.machine == "compy"


def test_a_directory_of_another_machine_is_noted() -> None:
    found = observed(place=location(machine="compy"))
    assert (found.key.machine, problems(found)) == (KEY.machine, ["machine_disagrees"])


def test_a_machine_that_no_file_names_is_left_to_the_other_executions() -> None:
    found = parsed(env_case__MACH=None)
    found.e3sm_timing = None
    observation = observed(found, location(machine="compy"))
    assert (observation.key.machine, observation.directory_machine) == ("", "compy")
    assert problems(observation) == []


def test_an_anchored_path_counts_before_the_files() -> None:
    found = observed(place=location(user="other", case="renamed"))
    assert (found.key.user, found.key.name) == ("other", "renamed")
    assert problems(found) == ["user_disagrees", "case_disagrees"]


def test_elsewhere_the_files_count_before_the_path() -> None:
    place = location(**NOWHERE | {"user": "other", "case": "renamed"})
    assert observed(place=place).key == KEY


def test_elsewhere_names_of_directories_count_if_there_is_nothing_better() -> None:
    found = parsed()
    found.parts.clear()
    found.e3sm_timing = None
    place = location(**NOWHERE | {"user": "u", "case": "c", "machine": "compy"})
    assert observed(found, place).key.name == "c"


def test_a_profile_of_another_execution_is_noted() -> None:
    found = observed(place=location("1001.250102-030405"))
    assert "lid_disagrees" in problems(found)


@pytest.mark.parametrize("what", ["user", "case"])
def test_an_execution_of_nobody_is_rejected(what: str) -> None:
    found = ParsedFiles(parts={"env_case": {"env_case.MACH": "compy"}})
    names = {"user": "u", "case": "c"} | {what: None}
    with pytest.raises(RejectedError, match=f"no_identity.*{what}"):
        observed(found, location(**NOWHERE | names))


@pytest.mark.parametrize(
    "name", [pytest.param("caf\udce9", id="not UTF-8"), pytest.param("a\0b", id="null")]
)
def test_a_name_that_cannot_be_stored_is_rejected(name: str) -> None:
    with pytest.raises(RejectedError, match="bad_name"):
        observed(place=location(case=name))


# The configuration.


def configuration(found: ParsedFiles) -> Configuration:
    own = observed(found).configuration
    assert own is not None
    return own


@pytest.mark.parametrize(
    ("variables", "field", "value"),
    [
        pytest.param({}, "compset", "F2010", id="compset of README"),
        pytest.param({}, "grid_name", "ne30", id="grid of README"),
        pytest.param({}, "compiler", "intel", id="compiler"),
        pytest.param(
            {"env_case__COMPSET": "2010_EAM"}, "compset_alias", "2010_EAM", id="long name"
        ),
        pytest.param({"env_build__GRID": "a%ne30"}, "grid_resolution", "a%ne30", id="long grid"),
        pytest.param({"env_run__RUN_TYPE": "hybrid"}, "initialization_type", "hybrid", id="type"),
        pytest.param({}, "git_tag", "v3.0.1", id="tag"),
        pytest.param({}, "campaign", "v3.LR.amip", id="campaign"),
        pytest.param({}, "experiment_type", "amip", id="experiment"),
        pytest.param({}, "simulation_type", "unknown", id="simulation type"),
        pytest.param({"env_run__EMPTY": None}, "env_run.EMPTY", None, id="variable"),
    ],
)
def test_the_configuration_holds(variables: dict[str, Any], field: str, value: object) -> None:
    own = configuration(parsed(**variables))
    assert field in own
    assert own[field] == value


OTHERS = {
    f"e3sm_timing.{KEY.name}.{LID}.gz": packed(
        TIMING + b"  grid : profile\n  compset : profile\n  run type : profile, x\n"
    ),
    f"CaseDocs.{LID}/README.case.{LID}.gz": packed(
        b"2025-01-01 00:00:00: ./create_newcase --case x --compiler readme\n"
    ),
}


@pytest.mark.parametrize(
    ("field", "variable", "other"),
    [
        ("compset_alias", "env_case.COMPSET", "profile"),
        ("grid_resolution", "env_build.GRID", "profile"),
        ("initialization_type", "env_run.RUN_TYPE", "profile"),
        ("compiler", "env_build.COMPILER", "readme"),
    ],
)
def test_a_field_is_read_from_its_variable_or_else_from_another_file(
    field: str, variable: str, other: str
) -> None:
    for told, expected in (("own", "own"), (None, other), ("", other)):
        found = parsed(OTHERS, **{variable.replace(".", "__"): told})
        assert configuration(found)[field] == expected


def test_the_alias_of_the_compset_is_only_what_readme_tells() -> None:
    own = configuration(parsed(OTHERS, env_case__COMPSET="2010_EAM"))
    assert (own["compset"], own["grid_name"]) == (None, None)


def test_fields_whose_files_are_not_there_are_absent() -> None:
    own = configuration(parsed())
    assert not {"git_branch", "git_repository_url"} & own.keys()


def test_fields_whose_files_tell_nothing_are_null() -> None:
    found = parsed()
    found.git_describe = GitDescribe(None, None, None)
    found.git_config, found.git_status = GitConfig(None), GitStatus(None)
    own = configuration(found)
    fields = ("git_tag", "git_commit_hash", "git_branch", "git_repository_url")
    assert [own[field] for field in fields] == [None] * 4


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("gnu", id="text"),
        pytest.param(None, id="unset"),
        pytest.param("", id="empty"),
        pytest.param(5, id="integer"),
    ],
)
def test_configurations_of_two_executions_are_told_by_their_difference(value: object) -> None:
    one, other = configuration(parsed()), configuration(parsed(env_build__COMPILER=value))
    assert diff(apply_delta(one, diff(one, other)), other) == {}


@pytest.mark.parametrize(
    ("name", "campaign", "kind"),
    [
        pytest.param("v3.LR.historical_0121", "v3.LR.historical", "historical", id="member"),
        pytest.param("v3.LR.piControl", "v3.LR.piControl", "piControl", id="no member"),
        pytest.param("v3.LR.tuning_01", "v3.LR.tuning", None, id="unheard of"),
        pytest.param("mytest_01", None, None, id="no campaign"),
    ],
)
def test_the_name_of_a_case_tells_its_campaign(
    name: str, campaign: str | None, kind: str | None
) -> None:
    assert campaign_of(name) == (campaign, kind)


# What must not be stored.


def test_credentials_in_metadata_are_masked() -> None:
    found = parsed()
    found.git_status = GitStatus("from https://me:hunter2@h.org/x")
    assert configuration(found)["git_branch"] == "from https://***@h.org/x"


def test_credentials_in_what_git_describes_are_masked() -> None:
    found = parsed()
    found.git_describe = GitDescribe("token=hunter2", None, None)
    assert observed(found).execution.git_describe == "token=***"


def test_names_of_other_files_can_be_stored_and_hold_no_credentials() -> None:
    others = [FileEntry("token=hunter2", 5), FileEntry("caf\udce9", 6)]
    own = assemble(location(), parsed(), ORIGIN, others).execution
    assert [(file.name, file.size) for file in own.other_files] == [
        ("token=***", 5),
        ("caf\\udce9", 6),
    ]


# References.

VARIABLES = {
    "env_case.CASE": "c", "env_run.RUNDIR": "${OUT}/run", "env_build.OUT": "/scratch/$CASE",
    "env_run.SELF": "$SELF/x", "env_run.A": "$B", "env_run.B": "$A", "env_run.N": 5,
    "env_run.CASE": "later", "env_run.EMPTY": "", "env_run.FLAG": True,
    "env_run.LONG": "x" * 10**6, "env_run.DOUBLE": "$DOUBLE$DOUBLE",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        pytest.param("/plain", "/plain", id="nothing to do"),
        pytest.param("$CASE/${CASE}", "c/c", id="both forms, first file"),
        pytest.param("$RUNDIR/a", "/scratch/c/run/a", id="through others"),
        pytest.param("$N", "5", id="number"),
        pytest.param("$ENV{HOME}/x", "$ENV{HOME}/x", id="environment"),
        pytest.param("$NOTHING/x", "$NOTHING/x", id="unknown"),
        pytest.param("$EMPTY/x", "$EMPTY/x", id="empty"),
        pytest.param("$lower", "$lower", id="lower case"),
        pytest.param("cost $5", "cost $5", id="no name"),
    ],
)
def test_references_are_replaced(text: str, expanded: str) -> None:
    assert expand_references(text, VARIABLES) == expanded


@pytest.mark.parametrize("text", ["$SELF", "$A", "$DOUBLE", "$LONG" * 1000, "$CASE" * 10**6])
def test_references_that_lead_nowhere_come_to_an_end(text: str) -> None:
    assert len(expand_references(text, VARIABLES)) <= max(4096, len(text))


def test_paths_are_expanded() -> None:
    found = parsed(env_case__CASEROOT="/home/$CASE", env_run__RUNDIR=5, env_run__DOUT_S_ROOT="")
    own = observed(found).execution
    assert (own.paths.case_root, own.paths.run_directory) == (f"/home/{KEY.name}", None)
    assert own.paths.archive_root is None


def test_a_run_that_begins_long_after_its_lid_is_found_when_it_is_the_only_one() -> None:
    """PRERUN_SCRIPT runs after the LID is made, and before the run begins."""
    late = b"2025-01-02 05:00:00: case.run starting \n2025-01-02 06:00:00: case.run success \n"
    own = observed(parsed({f"CaseStatus.{LID}.gz": packed(late)})).execution
    assert (own.status, own.run_start_local) == ("completed", "2025-01-02T05:00:00")
    two = late + late.replace(b"2025-01-02", b"2025-01-03")
    own = observed(parsed({f"CaseStatus.{LID}.gz": packed(two)})).execution
    assert own.status == "unknown"


def test_a_run_that_failed_says_why() -> None:
    error = (
        b"2025-01-02 03:04:06: case.run starting 1000\n"
        b"2025-01-02 06:00:00: model execution error \n"
        b"ERROR: RUN FAIL: Command 'srun e3sm' failed\n"
        b"See log file for details: /run/e3sm.log.1000\n"
        b" ---------------------------------------------------\n"
    )
    own = observed(parsed({f"CaseStatus.{LID}.gz": packed(error)})).execution
    assert (own.status, own.failed_phase) == ("failed", "model execution")
    assert own.failure_log == "/run/e3sm.log.1000"
    assert "srun e3sm" in str(own.failure_reason)
