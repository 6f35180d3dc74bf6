"""Stories of a case: executions as they may be observed, and batches in which they may arrive."""

import itertools
from collections.abc import Sequence

from hypothesis import strategies as st

from models.cases.observation import Observation
from tests.support.cases import FIRST, SECOND, THIRD, failure, success

LIDS = [FIRST, SECOND, THIRD, "2.250101-000001", "250101-000001", "7.241231-235959"]
KEYS = ["compiler", "env_run.A", "env_run.STOP_N", "env_run.A.B", "env_run.N.ATM", "env_case.$x"]
configurations = st.dictionaries(
    st.sampled_from(KEYS), st.sampled_from([None, "x", "y", True, [1, 2]]), max_size=5
).filter(lambda flat: not {"env_run.A", "env_run.A.B"} <= flat.keys())
statuses = st.sampled_from(["completed", "failed", "unknown", "running"])


@st.composite
def some_observations(draw: st.DrawFn) -> list[Observation]:
    """Draw observations of several executions: each has one complete form at most."""
    drawn: list[Observation] = []
    for lid in draw(st.lists(st.sampled_from(LIDS), unique=True, min_size=1)):
        if draw(st.booleans()):
            fields = {"status": draw(statuses), "case_group": draw(st.sampled_from([None, "g"]))}
            complete = draw(configurations)
            drawn += [
                success(lid, complete, source_path=f"/{place}", **fields)
                for place in draw(st.sets(st.sampled_from("acx"), min_size=1))
            ]
        for number in range(draw(st.integers(0, 2))):
            drawn.append(
                failure(
                    lid,
                    draw(st.one_of(st.none(), configurations)),
                    status=draw(statuses),
                    missing=["CaseStatus", "README.case"][: draw(st.integers(1, 2))],
                    fingerprint=f"incomplete{number}",
                    source_path=f"/{draw(st.sampled_from('abz'))}",
                )
            )
    return drawn


@st.composite
def batches_of(draw: st.DrawFn, observations: Sequence[Observation]) -> list[list[Observation]]:
    shuffled = draw(st.permutations(observations))
    ends = draw(st.lists(st.integers(0, len(shuffled)), max_size=3).map(sorted))
    bounds = itertools.pairwise([0, *ends, len(shuffled)])
    return [shuffled[start:end] for start, end in bounds if start < end]


stories = some_observations().filter(bool).flatmap(lambda o: st.tuples(st.just(o), batches_of(o)))
