"""An execution can be compared with others than the canonical one."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from models.cases.baselines import baseline_id, differences
from models.cases.case import CaseRecord
from models.cases.configurations import execution_configuration
from models.cases.execution import Execution
from models.cases.listed_execution import list_execution, listed_configuration
from models.cases.observation import Observation
from models.configuration.keys import flatten
from models.configuration.values import Configuration
from tests.support.case_stories import LIDS, stories
from tests.support.cases import BASE, FIRST, SECOND, THIRD, case_of, failure, success
from tests.support.executions import RULES

Story = tuple[list[Observation], list[list[Observation]]]


def since(case: CaseRecord) -> dict[str, tuple[str | None, list[str]]]:
    return {
        own.execution_id: (own.previous_execution_id, own.changed_since_previous)
        for own in case.executions
    }


def with_(**values: Any) -> dict[str, Any]:
    return BASE | {name.replace("__", "."): value for name, value in values.items()}


def test_each_execution_tells_what_changed_since_the_one_before() -> None:
    changed = with_(compiler="intel")
    case = case_of([success(FIRST), success(SECOND, changed), success(THIRD, changed)])
    assert since(case) == {
        FIRST: (None, []),
        SECOND: (FIRST, ["compiler"]),
        THIRD: (SECOND, []),
    }


def test_expected_variation_is_no_change_since_the_one_before() -> None:
    case = case_of([success(FIRST), success(SECOND, with_(env_run__STOP_N=9))])
    assert since(case)[SECOND] == (FIRST, [])


def test_an_execution_without_configuration_is_passed_over() -> None:
    case = case_of([success(FIRST), failure(SECOND, None), success(THIRD, with_(compiler="x"))])
    assert since(case) == {
        FIRST: (None, []),
        SECOND: (None, []),
        THIRD: (FIRST, ["compiler"]),
    }


def test_failed_executions_count_as_well() -> None:
    case = case_of([failure(FIRST, with_(compiler="x")), success(SECOND)])
    assert since(case)[SECOND] == (FIRST, ["compiler"])


def test_an_execution_that_arrives_late_comes_between() -> None:
    case = case_of(
        [success(FIRST), success(THIRD, with_(compiler="intel"))],
        [success(SECOND, with_(compiler="intel"))],
    )
    assert since(case)[SECOND] == (FIRST, ["compiler"])
    assert since(case)[THIRD] == (SECOND, [])


def test_a_file_that_could_not_be_read_is_no_change() -> None:
    one, other = BASE | {"atm_in.g.x": 1}, BASE | {"atm_in.g.x": 2}
    damaged = success(SECOND, BASE, unread_files=["atm_in"])
    case = case_of([success(FIRST, one)], [damaged], [success(THIRD, other)])
    assert since(case)[SECOND] == (FIRST, [])
    assert since(case)[THIRD] == (SECOND, [])  # it is unknown what the one before had


def test_each_lineage_has_its_first_success() -> None:
    case = case_of(
        [
            success(FIRST, case_hash="test"),
            failure(SECOND, case_hash="production"),
            success(THIRD, case_hash="production"),
            failure(LIDS[3], case_hash="never"),
        ]
    )
    assert {each.case_hash: each.canonical_execution_id for each in case.lineages} == {
        "test": FIRST,
        "production": THIRD,
        "never": None,
    }


@pytest.mark.parametrize(
    ("baseline", "named"),
    [("canonical", FIRST), ("lineage", SECOND), ("previous", SECOND), (FIRST, FIRST)],
)
def test_a_baseline_is_a_word_or_an_id(baseline: str, named: str) -> None:
    case = case_of(
        [success(FIRST, case_hash="a"), success(SECOND, case_hash="b")],
        [success(THIRD, case_hash="b")],
    )
    execution = case.executions[-1].stored()
    assert baseline_id(case.stored(), execution, baseline) == named


@pytest.mark.parametrize("baseline", ["canonical", "lineage", "previous"])
def test_what_has_no_baseline_is_not_compared(baseline: str) -> None:
    case = case_of([failure(FIRST)])
    assert baseline_id(case.stored(), case.executions[0].stored(), baseline) is None


# What is stored is enough to compare any two.


@pytest.mark.slow
@settings(deadline=None, max_examples=200)
@given(stories)
def test_differences_to_any_execution_are_those_of_what_was_read(story: Story) -> None:
    observations, batches = story
    case = case_of(*batches)
    read = {own.execution_id: _read(own, observations) for own in case.executions}
    for own in case.executions:
        for other in case.executions:
            before, current = read[other.execution_id], read[own.execution_id]
            rebuilt = [_rebuilt(case, each) for each in (other, own)]
            listed = [_listed(case, each) for each in (other, own)]
            assert [each is None for each in rebuilt] == [before is None, current is None]
            if before is None or current is None:
                continue
            direct = differences(before, current, RULES, own.unread_files)
            for left, right in (rebuilt, listed):
                assert left is not None
                assert right is not None
                assert differences(left, right, RULES, own.unread_files) == direct


@pytest.mark.slow
@settings(deadline=None)
@given(stories)
def test_what_changed_since_the_one_before_is_what_was_read(story: Story) -> None:
    observations, batches = story
    case = case_of(*batches)
    previous: Execution | None = None
    for own in case.executions:
        current = _read(own, observations)
        if current is None or previous is None:
            assert since(case)[own.execution_id] == (None, [])
        else:
            before = _read(previous, observations)
            assert before is not None
            changed = differences(before, current, RULES, own.unread_files).changed
            assert since(case)[own.execution_id] == (previous.execution_id, sorted(changed))
        previous = previous if current is None else own


def _read(own: Execution, observations: list[Observation]) -> Configuration | None:
    same = (own.execution_id, own.fingerprint)
    return next(
        o.configuration
        for o in observations
        if (o.execution.execution_id, o.execution.fingerprint) == same
    )


def _rebuilt(case: CaseRecord, own: Execution) -> Configuration | None:
    base = None if case.configuration is None else flatten(case.configuration)
    return execution_configuration(own, case.configuration_of, base)


def _listed(case: CaseRecord, own: Execution) -> Configuration | None:
    if case.configuration is None or not own.has_configuration:
        return None
    base = Configuration.from_stored(case.configuration)
    listed = list_execution(case, "id", own).stored()
    return listed_configuration(base, listed["overrides"], listed["unset"], own.unread_files)


def test_a_replaced_execution_changes_what_the_next_one_says() -> None:
    incomplete = failure(SECOND, BASE, fingerprint="early")
    whole = success(SECOND, with_(compiler="intel"))
    case = case_of([success(FIRST), incomplete, success(THIRD)], [replace(whole)])
    assert since(case)[SECOND] == (FIRST, ["compiler"])
    assert since(case)[THIRD] == (SECOND, ["compiler"])
