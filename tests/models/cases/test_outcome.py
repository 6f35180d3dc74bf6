"""How an execution ended, why it failed, and what it reached."""

from dataclasses import replace
from typing import Any

import pytest

from models.cases.case import Attempt, CaseChange, FailedBuild
from models.cases.case_run import CaseRun
from models.cases.execution import Execution
from models.cases.lid import parse_lid
from models.cases.outcome import with_outcome
from models.cases.simulated_date import parse_iso_date
from tests.support.cases import BASE, FIRST, SECOND, case_of, failure, success

END = parse_iso_date("1855-01-01", "NO_LEAP").to_stored()


def execution(**fields: Any) -> Execution:
    lid = parse_lid("7.250101-000000")
    assert lid is not None
    given: dict[str, Any] = {"status": "unknown", "status_source": None, "complete": False}
    return Execution(
        execution_id=lid.text, job_id="7", job_number=7, lid_time=lid.local_time,
        order_key=lid.order_key, fingerprint="", source_path="", ingestion_id="i",
        **given | fields,
    )  # fmt: skip


def attempt(outcome: str, **fields: Any) -> Attempt:
    given: dict[str, Any] = {"job_id": "7", "start": "2025-01-01T00:00:05", "end": None}
    return Attempt(outcome=outcome, told_by="8.250102-000000", **given | fields)


def failure_of(found: Execution) -> tuple[str | None, str | None, str | None]:
    return found.failed_phase, found.failure_reason, found.failure_log


def test_an_error_in_case_status_is_the_reason() -> None:
    told = attempt(
        "failed", failed_phase="model execution", failure="RUN FAIL: 1", failure_log="/e3sm.log"
    )
    found = with_outcome(execution(), told, 1)
    assert failure_of(found) == ("model execution", "RUN FAIL: 1", "/e3sm.log")


@pytest.mark.parametrize(
    ("fields", "told", "reason"),
    [
        pytest.param({"missing": ["CaseStatus"]}, None, "there is no CaseStatus", id="missing"),
        pytest.param({}, None, "no CaseStatus of this case", id="not told"),
        pytest.param({}, attempt("unknown"), "has no end of this run", id="killed"),
        pytest.param({"scheduler_state": "NODE_FAIL"}, None, "scheduler says NODE_FAIL", id="node"),
        pytest.param({}, attempt("failed"), "reports an error", id="error without text"),
    ],
)
def test_what_has_not_completed_says_why(
    fields: dict[str, Any], told: Attempt | None, reason: str
) -> None:
    _, found, _ = failure_of(with_outcome(execution(**fields), told, 0))
    assert reason in str(found)


@pytest.mark.parametrize("status", ["completed", "running"])
def test_what_has_completed_or_goes_on_has_no_reason(status: str) -> None:
    own = execution(status=status, status_source="CaseStatus", failure_reason="x")
    assert failure_of(with_outcome(own, None, 1)) == (None, None, None)


def test_what_a_person_states_needs_no_reason() -> None:
    own = execution(status="failed", status_source="stated")
    assert failure_of(with_outcome(own, None, 0)) == (None, None, None)


def test_what_its_own_case_status_said_stays() -> None:
    own = execution(status="failed", status_source="CaseStatus", failure_reason="RUN FAIL")
    assert with_outcome(own, None, 0).failure_reason == "RUN FAIL"


@pytest.mark.parametrize(
    ("status", "reached"), [("completed", True), ("failed", False), ("running", False)]
)
def test_the_end_of_what_did_not_complete_is_only_planned(status: str, reached: bool) -> None:
    own = execution(status=status, status_source="CaseStatus", simulation_end=END)
    assert with_outcome(own, None, 1).simulation_end_reached is reached


def test_without_an_end_nothing_is_reached_or_planned() -> None:
    assert with_outcome(execution(), None, 0).simulation_end_reached is None


def test_the_same_outcome_is_the_same_execution() -> None:
    once = with_outcome(execution(), attempt("failed"), 2)
    assert with_outcome(once, attempt("failed"), 2) is once
    assert once.attempts == 2


def test_each_try_of_a_job_has_its_own_outcome() -> None:
    tries = [
        CaseRun("1000000", "2025-01-01T00:00:01", "2025-01-01T01:00:00", "failed"),
        CaseRun("1000000", "2025-01-01T01:00:05", "2025-01-01T03:00:00", "completed"),
    ]
    again = replace(success("1000000.250101-010004"), runs=tries)
    case = case_of([again, failure(SECOND)])
    assert [own.status for own in case.executions] == ["failed", "completed"]
    assert [own.attempts for own in case.executions] == [2, 2]
    assert case.canonical_execution_id == "1000000.250101-010004"


def test_a_case_has_the_events_of_all_its_executions_once() -> None:
    first = CaseChange(time="2025-01-01T00:00:00", command="./xmlchange A=1")
    second = CaseChange(time="2025-01-02T00:00:00", command="./xmlchange B=2")
    build = FailedBuild(time="2025-01-01T00:00:00", phase="case.build", text="no", log=None)
    early = replace(success(FIRST), changes=[first], failed_builds=[build])
    late = replace(success(SECOND), changes=[first, second], failed_builds=[build])
    for batches in ([early], [late]), ([late], [early]), ([early, late],):
        case = case_of(*batches)
        assert (case.changes, case.failed_builds) == ([first, second], [build])


def test_what_a_later_version_read_replaces_what_an_earlier_one_did() -> None:
    before = success(FIRST, BASE | {"env_run.ATM_NCPL": 1}, reader=1, files_modified=1)
    after = success(FIRST, BASE, reader=2, files_modified=2)
    for batches in ([before], [after]), ([after], [before]):
        (own,) = (case := case_of(*batches)).executions
        assert own.reader == 2
        assert case.configuration == {"compiler": "gnu", "env_run": {"ATM_NCPL": 48, "STOP_N": 5}}
