"""The path of an execution directory tells machine, user and case, as far as it can."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cases.layout import Location, locate
from models.cases.lid import Lid
from models.cases.scheduler import scheduler_status
from tests.support.executions import LID, lid_of

OWN: Lid = lid_of(LID)


def place(path: str) -> Location:
    return locate(path.split("/") if path else [], OWN)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("chrysalis/performance_archive/u/c", ("chrysalis", "u", "c"), id="whole"),
        pytest.param("a/b/PM-CPU/performance_archive/u/c", ("pm-cpu", "u", "c"), id="capitals"),
        pytest.param("performance_archive/u/c", (None, "u", "c"), id="no machine"),
        pytest.param("performance_archive/JDOE/c", (None, "JDOE", "c"), id="user in capitals"),
        pytest.param("laptop/performance_archive/u/c", (None, "u", "c"), id="unknown machine"),
        pytest.param("mac/performance_archive/u/c", (None, "u", "c"), id="a kind of computer"),
        pytest.param(
            "pm-cpu/performance_archive/performance_archive/u/c",
            (None, "u", "c"),
            id="the last of two",
        ),
        pytest.param(
            "frontier/performance_archive/us er/v3\n\u00e4\udcff",
            ("frontier", "us er", "v3\n\u00e4\udcff"),
            id="odd names",
        ),
    ],
)
def test_an_anchored_path_tells_all(
    path: str, expected: tuple[str | None, str | None, str | None]
) -> None:
    found = place(path)
    assert found.is_anchored
    assert (found.machine, found.user, found.case) == expected


@pytest.mark.parametrize(
    ("path", "machine", "state"),
    [
        pytest.param(
            "OLD_PERF/2025-04/performance_archive_2025_04_18_15_00_01/TIMEOUT/u/c",
            None,
            "TIMEOUT",
            id="state",
        ),
        pytest.param(
            "pm-cpu/OLD_PERF/2025-04/performance_archive_2025_04_18/CANCELLED by 12/u/c",
            "pm-cpu",
            "CANCELLED",
            id="state with words, machine",
        ),
        pytest.param(
            "compy/OLD_PERF/2025-04/performance_archive_compy_e3sm_2025_04_18/u/c",
            "compy",
            None,
            id="no state",
        ),
        pytest.param("2025-04/performance_archive_x/FAILED/u/c", None, "FAILED", id="month only"),
        pytest.param(
            "chrysalis/performance_archive/FAILED/u/c", "chrysalis", "FAILED", id="staging"
        ),
    ],
)
def test_a_snapshot_tells_the_state_of_the_job(
    path: str, machine: str | None, state: str | None
) -> None:
    found = place(path)
    assert (found.user, found.case, found.machine, found.state) == ("u", "c", machine, state)


@pytest.mark.parametrize(
    ("path", "user", "case"),
    [
        pytest.param("", None, None, id="nothing"),
        pytest.param("c", None, "c", id="case"),
        pytest.param("u/c", "u", "c", id="user and case"),
        pytest.param("chrysalis/performance_archive/c", "performance_archive", "c", id="no user"),
        pytest.param("performance_archive/x/u/c", "u", "c", id="one level too many"),
        pytest.param("performance_archives/u/c", "u", "c", id="another name"),
        pytest.param("performance_archive/nostate/u/c", "u", "c", id="no state"),
    ],
)
def test_elsewhere_the_path_only_gives_names(path: str, user: str | None, case: str | None) -> None:
    assert place(path) == Location(OWN, user, case, None, is_anchored=False)


parts = st.lists(st.sampled_from(["performance_archive", "pm-cpu", "x", "a b", "\udcff", "\n"]))


@given(parts)
def test_any_path_can_be_read(path: list[str]) -> None:
    found = locate(path, OWN)
    assert found.case == (path[-1] if path else None)
    is_anchor = [part == "performance_archive" for part in path[-3:]]
    assert found.is_anchored == (is_anchor == [True, False, False])


@pytest.mark.parametrize(
    ("bucket", "state"),
    [
        pytest.param("CANCELLED by 1234", "CANCELLED", id="words"),
        pytest.param("CANCELLED+", "CANCELLED", id="cut"),
        pytest.param("OUT_OF_ME+", "OUT_OF_MEMORY", id="cut in the middle"),
        pytest.param("WHATEV+", "WHATEV", id="cut, and unheard of"),
        pytest.param("REQUEUED", "REQUEUED", id="a word that says nothing of the end"),
    ],
)
def test_every_bucket_is_one(bucket: str, state: str) -> None:
    found = place(f"chrysalis/OLD_PERF/2025-01/performance_archive_2025/{bucket}/u/c")
    assert (found.state, found.user, found.case, found.is_anchored) == (state, "u", "c", True)


def test_a_bucket_alone_tells_the_state() -> None:
    assert place("TIMEOUT/u/c").state == "TIMEOUT"


def test_a_directory_that_is_no_bucket_tells_no_state() -> None:
    assert place("HOME/u/c").state is None


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("COMPLETED", "completed"),
        ("NODE_FAIL", "failed"),
        ("OUT_OF_MEMORY", "failed"),
        ("TIMEOUT", "timeout"),
        ("DEADLINE", "timeout"),
        ("CANCELLED", "cancelled"),
        ("PREEMPTED", "cancelled"),
        ("COMPLETING", "running"),
        ("UNKNOWN", "unknown"),
        ("REQUEUED", "unknown"),
        ("WHATEVER", "unknown"),
    ],
)
def test_a_state_of_the_scheduler_has_a_meaning(state: str, status: str) -> None:
    assert scheduler_status(state) == status
