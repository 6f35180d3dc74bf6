"""Folding gives the same case, in whatever order and batches its executions arrive."""

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from models.cases.case import CaseRecord
from models.cases.case_run import CaseRun
from models.cases.configurations import Configurations, execution_configuration
from models.cases.derived import choose_canonical, recompute
from models.cases.execution import Execution, SoftwareLink
from models.cases.merge import merge
from models.cases.observation import Observation
from models.configuration.delta import is_same_value
from models.configuration.keys import flatten
from models.configuration.rules import DeltaRules
from models.configuration.variation import VariationTable
from models.errors import DamagedError
from tests.support.case_stories import LIDS, stories
from tests.support.cases import BASE, FIRST, NOW, SECOND, THIRD, case_of, failure, folded, success
from tests.support.executions import KEY, RULES, execution, observation


def by_id(case: CaseRecord) -> dict[str, Execution]:
    return {own.execution_id: own for own in case.executions}


# Which execution is canonical.


def test_the_earliest_successful_execution_is_canonical() -> None:
    case = case_of([success(THIRD), success(SECOND), failure(FIRST)])
    assert case.canonical_execution_id == SECOND


def test_the_order_of_job_ids_is_that_of_numbers() -> None:
    assert case_of([success(SECOND), success(FIRST)]).canonical_execution_id == FIRST


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"status": "failed"}, id="failed"),
        pytest.param({"status": "running"}, id="running"),
        pytest.param({"complete": False}, id="incomplete"),
        pytest.param({"has_configuration": False}, id="without configuration"),
    ],
)
def test_what_was_not_successful_is_never_canonical(fields: dict[str, Any]) -> None:
    assert choose_canonical([execution(**fields)]) is None


def test_without_a_success_nothing_is_canonical() -> None:
    case = case_of([failure(FIRST), failure(SECOND)])
    assert (case.canonical_execution_id, case.configuration_of) == (None, FIRST)


def test_an_earlier_success_that_arrives_late_takes_over() -> None:
    case = case_of([success(SECOND)], [success(FIRST, BASE | {"env_run.ATM_NCPL": 96})])
    assert case.canonical_execution_id == FIRST
    assert case.configuration == {
        "compiler": "gnu", "env_run": {"ATM_NCPL": 96, "STOP_N": 5},
    }  # fmt: skip
    assert by_id(case)[SECOND].run_config_deltas == {
        "env_run": {"ATM_NCPL": {"canonical": 96, "current": 48, "class": "coupling"}}
    }


def test_a_change_of_the_canonical_execution_is_noted() -> None:
    case = case_of([success(SECOND)], [success(FIRST, ingestion_id="second")])
    (entry,) = case.history
    assert (entry.event, entry.previous, entry.current, entry.ingestion_id) == (
        "canonical_changed", SECOND, FIRST, "second",
    )  # fmt: skip


def test_the_first_canonical_execution_is_no_change() -> None:
    assert case_of([failure(FIRST)], [success(SECOND)]).history == []


def test_all_changes_of_the_canonical_execution_stay_in_the_history() -> None:
    case = case_of([success(THIRD)], [success(SECOND)], [success(FIRST)])
    assert [(e.previous, e.current) for e in case.history] == [(THIRD, SECOND), (SECOND, FIRST)]


def test_a_canonical_execution_chosen_by_a_person_stays() -> None:
    before = case_of([success(SECOND)]).model_copy(update={"canonical_is_pinned": True})
    after = folded([success(FIRST)], case=before).case
    assert (after.canonical_execution_id, after.configuration_of) == (SECOND, SECOND)
    assert by_id(after)[FIRST].change_count == 0


def test_the_files_of_the_stored_configuration_stand_in_order() -> None:
    case = case_of([success(FIRST, {"env_run.A": 1, "atm_in.g.a": 1, "compiler": "gnu"})])
    assert list(case.configuration or ()) == ["atm_in", "compiler", "env_run"]


# What is recorded of the others.


def test_the_canonical_execution_has_no_deltas() -> None:
    own = by_id(case_of([success(FIRST)]))[FIRST]
    assert (own.run_config_deltas, own.changed, own.change_count) == (None, [], 0)


def test_a_change_is_recorded_by_its_key() -> None:
    own = by_id(case_of([success(FIRST), success(SECOND, BASE | {"compiler": "intel"})]))[SECOND]
    assert own.run_config_deltas == {
        "compiler": {"canonical": "gnu", "current": "intel", "class": "build"}
    }
    assert (own.changed, own.change_count) == (["compiler"], 1)


def test_expected_variation_is_no_change() -> None:
    own = by_id(case_of([success(FIRST), success(SECOND, BASE | {"env_run.STOP_N": 9})]))[SECOND]
    assert (own.run_config_deltas, own.changed, own.change_count) == (None, [], 0)
    assert own.expected_variation == {
        "env_run": {"STOP_N": {"canonical": 5, "current": 9, "class": "segment"}}
    }


def test_an_execution_without_configuration_has_no_count_of_changes() -> None:
    own = by_id(case_of([success(FIRST), failure(SECOND, None)]))[SECOND]
    assert (own.run_config_deltas, own.change_count) == (None, None)


def test_without_a_canonical_execution_differences_are_kept_for_later() -> None:
    case = case_of([failure(FIRST), failure(SECOND, BASE | {"compiler": "intel"})])
    own = by_id(case)[SECOND]
    assert (own.run_config_deltas, own.change_count) == (None, None)
    assert own.provisional_deltas == {"compiler": {"canonical": "gnu", "current": "intel"}}


def test_with_a_canonical_execution_nothing_is_provisional() -> None:
    first = [failure(FIRST), failure(SECOND, BASE | {"compiler": "intel"})]
    own = by_id(case_of(first, [success(THIRD)]))[SECOND]
    assert own.provisional_deltas is None
    assert own.changed == ["compiler"]


def test_the_case_counts_its_executions() -> None:
    case = case_of([success(FIRST), failure(SECOND), failure(THIRD)])
    assert case.execution_count == 3
    assert case.status_counts == {"completed": 1, "unknown": 2}
    assert (case.first_lid_time, case.last_lid_time) == (
        "2025-01-01T00:00:00", "2025-01-01T00:00:01",
    )  # fmt: skip


def test_executions_stand_in_the_order_of_their_lids() -> None:
    case = case_of([success(THIRD)], [success(SECOND), success(FIRST)])
    assert [own.execution_id for own in case.executions] == [FIRST, SECOND, THIRD]


def test_the_case_describes_its_canonical_execution() -> None:
    told = {"env_build.MPILIB": "mpich", "env_build.CALENDAR": "GREGORIAN", "compset": "F2010"}
    case = case_of([success(FIRST, BASE | told)])
    assert (case.compiler, case.mpilib, case.compset) == ("gnu", "mpich", "F2010")
    assert case.calendar == "GREGORIAN"
    assert case.simulation_type == "unknown"


def test_the_group_of_the_case_is_that_of_the_canonical_execution() -> None:
    group = case_of([failure(FIRST, case_group="a"), success(SECOND, case_group="b")]).case_group
    assert group == "b"


def test_any_group_is_better_than_none() -> None:
    assert case_of([success(FIRST), failure(SECOND, case_group="b")]).case_group == "b"


def test_nothing_is_said_of_files_that_could_not_be_read_whichever_execution_is_canonical() -> None:
    whole = BASE | {"atm_in.g.a": 1}
    damaged = success(THIRD, BASE | {"env_run.ATM_NCPL": 96}, unread_files=["atm_in"])
    later = success(FIRST, whole | {"atm_in.g.a": 2})
    for batches in (
        [[success(SECOND, whole), damaged]],
        [[success(SECOND, whole), damaged], [later]],
    ):
        own = by_id(case_of(*batches))[THIRD]
        assert (own.changed, own.expected_variation) == (["env_run.ATM_NCPL"], None)


def test_a_file_that_only_one_side_has_is_expected_variation() -> None:
    more = BASE | {"atm_in.g.a": 1}
    for one, other in ((BASE, more), (more, BASE)):
        own = by_id(case_of([success(FIRST, one), success(SECOND, other)]))[SECOND]
        assert own.changed == []
        assert own.expected_variation is not None
        assert own.expected_variation["atm_in"]["g"]["a"]["class"] == "unrecorded"


def test_a_change_that_shows_twice_counts_once() -> None:
    base = BASE | {"drv_in.seq_timemgr_inparm.atm_cpl_dt": 1800}
    changed = base | {"env_run.ATM_NCPL": 96, "drv_in.seq_timemgr_inparm.atm_cpl_dt": 900}
    own = by_id(case_of([success(FIRST, base), success(SECOND, changed)]))[SECOND]
    assert (own.changed, own.change_count) == (["env_run.ATM_NCPL"], 1)
    assert own.repeated_deltas is not None


def test_a_case_has_a_lineage_for_each_of_its_hashes() -> None:
    case = case_of(
        [success(FIRST, case_hash="a"), success(THIRD, case_hash="a"), failure(LIDS[3])],
        [success(SECOND, case_hash="b"), failure(LIDS[5], case_hash="b")],
    )
    assert [
        (each.case_hash, each.execution_count, each.first_execution_id, each.last_execution_id)
        for each in case.lineages
    ] == [("b", 2, LIDS[5], SECOND), ("a", 2, FIRST, THIRD)]


def test_the_kind_of_simulation_that_a_person_states_stays() -> None:
    before = case_of([success(SECOND)])
    before.annotations.simulation_type = "production"
    assert folded([success(FIRST)], case=before).case.simulation_type == "production"


def test_a_chosen_execution_whose_configuration_is_lost_is_no_longer_canonical() -> None:
    chosen = {"canonical_execution_id": FIRST, "canonical_is_pinned": True}
    before = case_of([failure(FIRST), success(SECOND)]).model_copy(update=chosen)
    assert folded([success(FIRST, None)], case=before).case.canonical_execution_id == SECOND


# What is told by one execution for the whole case.


def commanded(lid: str, *commands: str, **fields: Any) -> Observation:
    return replace(success(lid, **fields), commands=commands)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_commands_of_the_case_are_those_of_its_latest_whole_execution(
    order: Sequence[int],
) -> None:
    told = [
        commanded(FIRST, "./a", "./b", "./c", "./d"),
        commanded(SECOND, "./a"),
        commanded(SECOND, "./A", "./b"),
        commanded(THIRD, "./a", "./b", "./c", complete=False),
    ]
    case = case_of(*([told[number]] for number in order))
    assert (case.commands, case.commands_of) == (["./A", "./b"], SECOND)


def test_commands_are_kept_when_what_comes_tells_none() -> None:
    case = case_of([commanded(FIRST, "./a")], [success(SECOND)])
    assert (case.commands, case.commands_of) == (["./a"], FIRST)


def test_the_runs_that_a_case_status_tells_of_are_kept_for_executions_that_come_later() -> None:
    run = CaseRun("999999", "2025-01-01T00:00:05", "2025-01-01T01:00:00", "failed")
    teller = replace(success(THIRD), runs=[run])
    case = case_of([teller], [success(SECOND)], [failure(FIRST)])
    assert by_id(case)[FIRST].status_source == f"CaseStatus of {THIRD}"
    assert by_id(case)[FIRST].run_end_local == run.end
    assert [(a.job_id, a.told_by) for a in case.attempts] == [("999999", THIRD)]


def test_the_tables_of_a_site_tell_what_differences_mean() -> None:
    own = VariationTable('[[expected]]\nclass = "lifecycle"\nkeys = ["env_run.ATM_NCPL"]')
    batch = [success(FIRST), success(SECOND, BASE | {"env_run.ATM_NCPL": 96})]
    case = merge(None, KEY, batch, NOW, DeltaRules(variation=own)).case
    assert by_id(case)[SECOND].changed == []


# The same execution again.


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        pytest.param([[success(FIRST)]], "created", id="new"),
        pytest.param([[failure(FIRST)]], "incomplete", id="new and incomplete"),
        pytest.param([[success(FIRST)], [success(FIRST)]], "unchanged", id="known"),
        pytest.param([[failure(FIRST)], [failure(FIRST)]], "unchanged", id="known and incomplete"),
        pytest.param([[failure(FIRST)], [success(FIRST)]], "updated", id="completed later"),
        pytest.param([[success(FIRST)], [failure(FIRST)]], "unchanged", id="worse than known"),
        pytest.param([[failure(FIRST), success(FIRST)]], "created", id="both at once"),
        pytest.param(
            [[success(FIRST), success(FIRST, scheduler_state="TIMEOUT")]],
            "created",
            id="twice at once",
        ),
        pytest.param([[success(FIRST, unread_files=["atm_in"])]], "created", id="partly damaged"),
        pytest.param(
            [[success(FIRST)], [success(FIRST, scheduler_state="TIMEOUT")]],
            "updated",
            id="a state for what is known",
        ),
    ],
)
def test_the_outcome_of_an_execution(batches: list[list[Observation]], expected: str) -> None:
    assert folded(*batches).outcomes == {FIRST: expected}


def test_a_complete_execution_is_not_replaced() -> None:
    case = case_of([success(FIRST, fingerprint="a")], [failure(FIRST, None, fingerprint="z")])
    assert by_id(case)[FIRST].fingerprint == "a"


def test_of_several_places_the_first_is_kept() -> None:
    case = case_of([success(FIRST, source_path="/b")], [success(FIRST, source_path="/a")])
    assert by_id(case)[FIRST].source_path == "/a"


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        pytest.param(
            success(FIRST, None),
            failure(FIRST, missing=[], file_count=9),
            id="complete, without configuration",
        ),
        pytest.param(
            failure(FIRST, missing=["CaseStatus", "GIT_DESCRIBE"]),
            failure(FIRST, None, missing=["env_run.xml"], file_count=9),
            id="configuration",
        ),
        pytest.param(
            failure(FIRST, missing=["CaseStatus"], unread_files=["atm_in"]),
            failure(FIRST, missing=["CaseStatus", "GIT_DESCRIBE"], file_count=9),
            id="less missing",
        ),
        pytest.param(
            success(FIRST, unread_files=["atm_in"]),
            success(FIRST, unread_files=["atm_in", "lnd_in"], file_count=9),
            id="less damaged",
        ),
        pytest.param(
            success(FIRST, file_count=9, files_modified=9), success(FIRST), id="more files"
        ),
        pytest.param(
            success(FIRST, files_modified=3),
            success(FIRST, files_modified=5, fingerprint="z"),
            id="whole and older",
        ),
        pytest.param(
            failure(FIRST, files_modified=5),
            failure(FIRST, files_modified=3, fingerprint="z"),
            id="not whole and younger",
        ),
    ],
)
def test_of_two_copies_the_better_one_is_recorded(better: Observation, worse: Observation) -> None:
    better, worse = (
        replace(each, execution=each.execution.model_copy(update={"git_describe": name}))
        for each, name in ((better, "better"), (worse, "worse"))
    )
    for batches in ([[better], [worse]], [[worse], [better]], [[worse, better]]):
        assert case_of(*batches).executions[0].git_describe == "better"


def test_a_better_copy_keeps_what_people_wrote() -> None:
    before = case_of([failure(FIRST)])
    link = SoftwareLink(spec_hash="a" * 32, role="built_with", stated_at=NOW)
    before.executions[0].annotations.notes = "look here"
    before.executions[0].software_links.append(link)
    (own,) = folded([success(FIRST)], case=before).case.executions
    assert own.is_successful
    assert (own.annotations.notes, own.software_links) == ("look here", [link])


def test_of_very_many_places_the_first_are_kept() -> None:
    copies = [success(FIRST, source_path=f"/{number:02}") for number in range(60)]
    (own,) = case_of(copies[30:], copies[:30]).executions
    assert own.found_at == [f"/{number:02}" for number in range(50)]


def test_folding_again_changes_nothing() -> None:
    batch = [success(FIRST), failure(SECOND, BASE | {"compiler": "intel"}), failure(THIRD, None)]
    case = case_of(batch)
    assert folded(batch, case=case).case == case


# In any order.


def without_bookkeeping(case: CaseRecord) -> dict[str, Any]:
    stored = case.stored()
    for name in ("revision", "createdAt", "updatedAt", "history"):
        del stored[name]
    for own in stored["executions"]:
        del own["ingestionId"]
    return stored


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(stories)
def test_order_and_batches_do_not_matter(
    story: tuple[list[Observation], list[list[Observation]]],
) -> None:
    observations, batches = story
    assert without_bookkeeping(case_of(*batches)) == without_bookkeeping(case_of(observations))


@pytest.mark.slow
@settings(deadline=None)
@given(stories)
def test_the_canonical_execution_is_the_earliest_success(
    story: tuple[list[Observation], list[list[Observation]]],
) -> None:
    observations, batches = story
    successes = {o.execution.execution_id for o in observations if o.execution.is_successful}
    earliest = min(successes, key=lambda lid: execution(lid).order_key, default=None)
    assert case_of(*batches).canonical_execution_id == earliest


@pytest.mark.slow
@settings(deadline=None)
@given(stories)
def test_every_configuration_can_be_rebuilt(
    story: tuple[list[Observation], list[list[Observation]]],
) -> None:
    observations, batches = story
    case = case_of(*batches)
    base = None if case.configuration is None else flatten(case.configuration)
    for own in case.executions:
        rebuilt = execution_configuration(own, case.configuration_of, base)
        assert any(
            same_configuration(rebuilt, o.configuration)
            for o in observations
            if (o.execution.execution_id, o.execution.fingerprint)
            == (own.execution_id, own.fingerprint)
        )


def same_configuration(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.keys() == other.keys() and all(is_same_value(one[key], other[key]) for key in one)


@pytest.mark.slow
@settings(deadline=None)
@given(stories)
def test_a_second_time_nothing_is_new(
    story: tuple[list[Observation], list[list[Observation]]],
) -> None:
    observations, batches = story
    case = case_of(*batches)
    again = folded(observations, case=case)
    assert set(again.outcomes.values()) == {"unchanged"}
    assert again.case == case


@pytest.mark.parametrize("number", range(4))
def test_copies_in_any_order_give_the_same_record(number: int) -> None:
    """The places, the scheduler's state and the better files count, whichever comes first."""
    copies = [
        observation(FIRST, {"a": 1}, source_path="/b", files_modified=5, fingerprint="x"),
        observation(FIRST, {"a": 2}, source_path="/a", files_modified=3, fingerprint="y"),
        observation(
            FIRST, {"a": 3}, source_path="/c", files_modified=9, fingerprint="x",
            scheduler_state="TIMEOUT", status="unknown", status_source=None,
        ),
    ]  # fmt: skip
    random.Random(number).shuffle(copies)
    one_by_one: CaseRecord | None = None
    for copy in copies:
        one_by_one = merge(one_by_one, KEY, [copy], NOW, RULES).case
    assert one_by_one is not None
    together = merge(None, KEY, copies, NOW, RULES).case
    (execution,) = one_by_one.executions
    assert execution == together.executions[0]
    assert execution.found_at == ["/a", "/b", "/c"]
    assert execution.scheduler_state == "TIMEOUT"
    assert one_by_one.configuration == together.configuration


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        pytest.param((None, "UNKNOWN", "TIMEOUT"), "TIMEOUT", id="an end"),
        pytest.param((None, "UNKNOWN", "RUNNING"), "RUNNING", id="no end yet"),
        pytest.param(("UNKNOWN", "RUNNING", "FAILED"), "FAILED", id="an end after all"),
        pytest.param(("SUSPENDED", "COMPLETED", None), "COMPLETED", id="ended well"),
        pytest.param(("TIMEOUT", "CANCELLED", "WHATEVER"), "TIMEOUT", id="two ends"),
        pytest.param((None, "UNKNOWN", "WHATEVER"), "WHATEVER", id="two that say nothing"),
        pytest.param((None, "UNKNOWN", None), "UNKNOWN", id="only nothing"),
        pytest.param((None, None, None), None, id="none"),
    ],
)
def test_of_the_schedulers_states_the_one_that_tells_most_is_kept(
    states: tuple[str | None, ...], expected: str | None
) -> None:
    for order in itertools.permutations(states):
        case = case_of(*([failure(FIRST, scheduler_state=state)] for state in order))
        assert case.executions[0].scheduler_state == expected


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_source_is_where_the_best_copy_lies(order: Sequence[int]) -> None:
    """A worse copy does not give its place to a better one with files of the same sizes."""
    copies = [
        failure(FIRST, source_path="/a", files_modified=3, fingerprint="x"),
        failure(FIRST, source_path="/b", files_modified=5, fingerprint="y"),
        failure(FIRST, source_path="/c", files_modified=9, fingerprint="x"),
    ]
    case = case_of(*([copies[number]] for number in order))
    assert case.executions[0].source_path == "/c"


def test_the_schedulers_word_counts_where_no_run_has_ended() -> None:
    killed = observation(FIRST, {"a": 1}, status="running", status_source="CaseStatus")
    moved = observation(
        FIRST, {"a": 1}, status="timeout", status_source="scheduler",
        scheduler_state="TIMEOUT", source_path="/z",
    )  # fmt: skip
    for order in ([killed, moved], [moved, killed]):
        case: CaseRecord | None = None
        for copy in order:
            case = merge(case, KEY, [copy], NOW, RULES).case
        assert case is not None
        assert case.executions[0].status == "timeout"


# What is stored may be damaged.

OTHER = BASE | {"env_run.ATM_NCPL": 96}
EARLIER = "1.240101-000000"


def two_configurations() -> CaseRecord:
    return case_of([success(FIRST), success(SECOND, OTHER)])


@pytest.mark.parametrize(
    "deltas",
    [
        pytest.param(None, id="lost"),
        pytest.param({"env_run": {"ATM_NCPL": {"canonical": 48}}}, id="without a value"),
        pytest.param({"env_run": {"ATM_NCPL": {"canonical": 48, "current": 5}}}, id="changed"),
    ],
)
def test_nothing_is_made_of_damaged_deltas(deltas: Any) -> None:
    case = two_configurations()
    case.executions[1].run_config_deltas = deltas
    assert folded([success(THIRD)], case=case).case.canonical_execution_id == FIRST
    with pytest.raises(DamagedError, match=SECOND):
        merge(case, KEY, [success(EARLIER)], NOW, RULES)


@pytest.mark.parametrize(
    "configuration",
    [pytest.param(None, id="lost"), pytest.param({"env_run": {"ATM_NCPL": 5}}, id="changed")],
)
def test_nothing_is_made_of_a_damaged_configuration(configuration: dict[str, Any] | None) -> None:
    case = two_configurations().model_copy(update={"configuration": configuration})
    with pytest.raises(DamagedError):
        merge(case, KEY, [success(EARLIER)], NOW, RULES)


def test_whose_the_configuration_is_follows_from_its_digest() -> None:
    case = two_configurations().model_copy(update={"configuration_of": SECOND})
    assert by_id(merge(case, KEY, [success(EARLIER)], NOW, RULES).case)[SECOND].changed == [
        "env_run.ATM_NCPL"
    ]
    case.executions[0].configuration_digest = None
    with pytest.raises(DamagedError):
        merge(case, KEY, [success(EARLIER)], NOW, RULES)


# Deriving all of it anew.


@pytest.mark.slow
@settings(deadline=None)
@given(stories)
def test_what_is_right_is_not_derived_anew(
    story: tuple[list[Observation], list[list[Observation]]],
) -> None:
    _, batches = story
    case = case_of(*batches)
    again = recompute(case, RULES)
    assert again == case
    assert all(one is other for one, other in zip(again.executions, case.executions, strict=True))


def test_without_an_execution_the_others_are_as_if_it_had_never_been() -> None:
    case = case_of([success(FIRST), success(SECOND, OTHER), success(THIRD)])
    left = recompute(case, RULES, without=FIRST)
    assert without_bookkeeping(left) == without_bookkeeping(
        case_of([success(SECOND, OTHER), success(THIRD)])
    )


def test_what_follows_from_the_rest_is_derived_anew() -> None:
    run = CaseRun("999999", "2025-01-01T00:00:05", "2025-01-01T01:00:00", "failed")
    case = case_of([failure(FIRST), replace(success(SECOND), runs=[run]), success(THIRD, OTHER)])
    damaged = case.model_copy(deep=True)
    first, _, last = damaged.executions
    first.status, first.status_source, first.run_end_local = "unknown", None, None
    last.order_key, last.lid_time, last.changed = "x", "x", []
    damaged.execution_count, damaged.lineages, damaged.status_counts = 9, [], {}
    assert recompute(damaged, RULES) == case


def test_an_execution_whose_deltas_are_damaged_can_be_left_out() -> None:
    case = two_configurations()
    case.executions[1].run_config_deltas = None
    assert [own.execution_id for own in recompute(case, RULES, without=SECOND).executions] == [
        FIRST
    ]


@pytest.mark.parametrize("without", [None, SECOND])
def test_deltas_that_are_lost_are_left_as_they_are(without: str | None) -> None:
    case, configurations = with_lost_deltas()
    right = recompute(case, RULES, without=without, configurations=configurations)
    assert by_id(right)[THIRD] is case.executions[2]


def test_deltas_that_are_lost_do_not_come_to_be_those_to_another_base() -> None:
    case, configurations = with_lost_deltas()
    with pytest.raises(DamagedError, match=f"{THIRD}.*new base"):
        recompute(case, RULES, without=FIRST, configurations=configurations)


def with_lost_deltas() -> tuple[CaseRecord, Configurations]:
    case = case_of([success(FIRST), success(SECOND), success(THIRD, OTHER)])
    case.executions[2].run_config_deltas = None
    configurations = Configurations(case, DeltaRules())
    configurations.mark_lost(THIRD)
    return case, configurations
