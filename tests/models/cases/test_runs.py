from itertools import permutations

import pytest

from models.cases.case_run import CaseRun, Outcome
from models.cases.execution import Execution
from models.cases.identity import CaseKey
from models.cases.lid import parse_lid
from models.cases.observation import Observation
from models.cases.runs import RunHistory
from models.cases.scheduler import Status

FIRST, SECOND, THIRD = "7.250101-000000", "8.250102-000000", "9.250103-000000"


def execution(text: str, status: Status = "unknown", source: str | None = None) -> Execution:
    lid = parse_lid(text)
    assert lid is not None
    return Execution(
        execution_id=text, job_id=lid.job_id, job_number=lid.job_number, lid_time=lid.local_time,
        order_key=lid.order_key, status=status, status_source=source, complete=False,
        fingerprint="", source_path="", ingestion_id="",
    )  # fmt: skip


def told(by: str, *attempts: CaseRun) -> Observation:
    return Observation(CaseKey("m", "u", "c"), execution(by), None, attempts)


def of_first(outcome: Outcome, end: str | None = None) -> CaseRun:
    return CaseRun("7", "2025-01-01T00:00:05", end, outcome)


FAILED = of_first("failed", "2025-01-01T02:00:00")


def settled(*observations: Observation, of: Execution) -> Execution:
    attempts = RunHistory(())
    for observation in observations:
        attempts.add(observation)
    return attempts.resolve(of)


def test_a_later_execution_tells_the_end() -> None:
    found = settled(told(SECOND, FAILED), of=execution(FIRST))
    assert (found.status, found.status_source) == ("failed", f"CaseStatus of {SECOND}")
    assert (found.run_start_local, found.run_end_local) == (FAILED.start, FAILED.end)


def test_a_killed_job_stays_unknown() -> None:
    found = settled(told(SECOND, of_first("unknown")), of=execution(FIRST))
    assert (found.status, found.status_source) == ("unknown", None)


def test_an_execution_that_tells_its_own_end_is_left_alone() -> None:
    own = execution(FIRST, "completed", "CaseStatus")
    found = settled(told(SECOND, FAILED), of=own)
    assert (found.status, found.status_source, found.run_end_local) == (
        "completed", "CaseStatus", None,
    )  # fmt: skip


def test_the_model_counts_more_than_the_scheduler() -> None:
    found = settled(told(SECOND, FAILED), of=execution(FIRST, "completed", "scheduler"))
    assert found.status == "failed"


def test_a_later_execution_ends_what_its_own_status_shows_running() -> None:
    own = execution(FIRST, "running", "CaseStatus")
    assert settled(told(SECOND, FAILED), of=own).status == "failed"


def test_a_run_whose_job_is_not_told_is_found_by_its_time() -> None:
    nameless = CaseRun(None, FAILED.start, FAILED.end, "failed")
    assert settled(told(SECOND, nameless), of=execution(FIRST)).status == "failed"


def test_an_execution_without_a_job_finds_its_run_by_its_time() -> None:
    assert settled(told(SECOND, FAILED), of=execution("250101-000000")).status == "failed"


def test_a_run_that_goes_on_without_an_end_was_killed() -> None:
    for order in permutations(
        [told(SECOND, of_first("running")), told(THIRD, of_first("unknown"))]
    ):
        attempts = RunHistory(())
        for observation in order:
            attempts.add(observation)
        assert [(a.outcome, a.told_by) for a in attempts.stored()] == [("unknown", THIRD)]


def test_another_job_tells_nothing() -> None:
    assert settled(told(SECOND, FAILED), of=execution(THIRD)).status == "unknown"


@pytest.mark.parametrize(
    "observations",
    list(
        permutations([told(SECOND, FAILED), told(THIRD, FAILED), told(FIRST, of_first("running"))])
    ),
)
def test_the_order_in_which_it_is_told_does_not_matter(
    observations: tuple[Observation, ...],
) -> None:
    found = settled(*observations, of=execution(FIRST))
    assert (found.status, found.status_source) == ("failed", f"CaseStatus of {SECOND}")


def test_a_success_counts_more_than_an_error_that_may_be_anothers() -> None:
    """The earlier execution left its CaseStatus before the line that tells the success."""
    observations = [told(SECOND, FAILED), told(THIRD, of_first("completed", "2025-01-01T03:00:00"))]
    for order in permutations(observations):
        found = settled(*order, of=execution(FIRST))
        assert (found.status, found.status_source) == ("completed", f"CaseStatus of {THIRD}")


def test_what_is_stored_can_be_gone_on_with() -> None:
    attempts = RunHistory(())
    attempts.add(told(SECOND, FAILED))
    again = RunHistory(attempts.stored())
    assert again.stored() == attempts.stored()
    assert again.resolve(execution(FIRST)).status == "failed"


def test_an_end_that_only_a_copy_of_it_tells_counts() -> None:
    own = execution(FIRST, "unknown", "CaseStatus")
    found = settled(told(FIRST, of_first("unknown")), told(FIRST, FAILED), of=own)
    assert (found.status, found.status_source) == ("failed", f"CaseStatus of {FIRST}")


def test_what_is_told_after_all_counts() -> None:
    attempts = RunHistory(())
    attempts.add(told(SECOND, CaseRun("8", "2025-01-02T00:00:05", None, "running")))
    assert attempts.resolve(execution(FIRST)).status == "unknown"
    attempts.add(told(THIRD, FAILED))
    assert attempts.resolve(execution(FIRST)).status == "failed"


def test_the_end_that_a_case_status_tells_counts_before_the_schedulers_word() -> None:
    own = execution(FIRST).model_copy(update={"scheduler_state": "COMPLETED"})
    assert settled(told(SECOND, FAILED), of=own).status == "failed"
    assert settled(told(SECOND, of_first("unknown")), of=own).status == "completed"


def test_an_end_in_another_case_status_counts_more_than_the_profile() -> None:
    end = {"run_end_local": "2025-01-01T02:00:09", "run_end_source": "e3sm_timing"}
    found = settled(told(SECOND, FAILED), of=execution(FIRST).model_copy(update=end))
    assert (found.run_end_local, found.run_end_source) == (FAILED.end, f"CaseStatus of {SECOND}")


def test_of_very_many_runs_the_last_are_stored() -> None:
    runs = [CaseRun(str(n), f"2025-01-01T00:{n // 60 % 60:02}:{n % 60:02}", None, "unknown")
            for n in range(3600)]  # fmt: skip
    later = [CaseRun(run.job_id, run.start.replace("T00", "T01"), None, "unknown") for run in runs]
    attempts = RunHistory(())
    attempts.add(told(SECOND, *later, *runs))
    stored = attempts.stored()
    assert len(stored) == 5000
    assert stored[-1].start == "2025-01-01T01:59:59"
