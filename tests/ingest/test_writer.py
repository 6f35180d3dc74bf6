"""What need not be read again, and what of a case is written. (The writes need a database.)"""

from typing import Any

import pytest

from ingest.inventory import FileEntry
from ingest.sources import Found
from ingest.writer import KnownExecutions, _difference
from tests.ingest.builders import KEY, LID, location

ENTRIES = (FileEntry("CaseStatus", 5),)
PATH = f"/b/chrysalis/performance_archive/jdoe/{KEY.name}/{LID}"


def found(path: str = PATH, entries: tuple[FileEntry, ...] = ENTRIES, **place: Any) -> Found:
    return Found(path, location(**place), entries)


def known(**fields: Any) -> KnownExecutions:
    recorded = {
        "executionId": LID,
        "complete": True,
        "fingerprint": found().fingerprint,
        "sourcePath": PATH,
        "schedulerState": None,
        "hasConfiguration": True,
        "unreadFiles": [],
        "fileCount": 1,
        "filesModified": 0,
    }
    case = {"machine": KEY.machine, "user": KEY.user, "name": KEY.name}
    return KnownExecutions([case | {"executions": [recorded | fields]}])


@pytest.mark.parametrize(
    ("recorded", "directory"),
    [
        pytest.param({}, found(), id="the same"),
        pytest.param({"fingerprint": "x"}, found(), id="whole, and no more files"),
        pytest.param({"complete": False, "filesModified": 7}, found(), id="incomplete, and older"),
        pytest.param({"complete": False}, found(), id="incomplete with the same files"),
        pytest.param({"sourcePath": "/a"}, found(), id="complete, elsewhere"),
        pytest.param({}, found(is_anchored=False), id="at its path, though it tells nothing"),
        pytest.param({}, found(machine=None), id="at its path, though no machine is told"),
    ],
)
def test_a_directory_that_teaches_nothing_is_passed_over(
    recorded: dict[str, Any], directory: Found
) -> None:
    assert known(**recorded).is_unchanged(directory)


@pytest.mark.parametrize(
    ("recorded", "directory"),
    [
        pytest.param({"executionId": "1.250101-000000"}, found(), id="another LID"),
        pytest.param(
            {"complete": False}, found(entries=(FileEntry("CaseStatus", 6),)), id="other size"
        ),
        pytest.param({"complete": False}, found(entries=()), id="other files"),
        pytest.param({"sourcePath": "/c"}, found(), id="at a path that comes first"),
        pytest.param({"fingerprint": "x", "fileCount": 0}, found(), id="more files"),
        pytest.param({"hasConfiguration": False, "fingerprint": "x"}, found(), id="damaged before"),
        pytest.param(
            {"complete": False},
            found(entries=(FileEntry("CaseStatus", 5, modified=9),)),
            id="incomplete, and modified since",
        ),
        pytest.param({"complete": False}, found(state="TIMEOUT"), id="a state that is new"),
        pytest.param({"sourcePath": "/a"}, found(machine="compy"), id="another machine"),
        pytest.param({"sourcePath": "/a"}, found(user="other"), id="another user"),
        pytest.param({"sourcePath": "/a"}, found(case="other"), id="another case"),
        pytest.param({"sourcePath": "/a"}, found(is_anchored=False), id="uncertain place"),
        pytest.param({"sourcePath": "/a"}, found(machine_is_known=False), id="uncertain machine"),
    ],
)
def test_a_directory_that_may_teach_something_is_read(
    recorded: dict[str, Any], directory: Found
) -> None:
    assert not known(**recorded).is_unchanged(directory)


def test_where_nothing_is_known_everything_is_read() -> None:
    assert not KnownExecutions([]).is_unchanged(found())


def test_one_lid_may_belong_to_several_cases() -> None:
    execution = {
        "executionId": LID, "complete": True, "fingerprint": "x", "sourcePath": "/a",
        "hasConfiguration": True, "unreadFiles": [], "fileCount": 1,
    }  # fmt: skip
    cases = [
        {"machine": machine, "user": KEY.user, "name": KEY.name, "executions": [execution]}
        for machine in ("compy", KEY.machine)
    ]
    executions = KnownExecutions(cases)
    assert executions.is_unchanged(found())
    assert not executions.is_unchanged(found(machine="pm-cpu"))


def case(*executions: str, **fields: Any) -> dict[str, Any]:
    return {
        "executions": [{"executionId": lid} for lid in executions],
        "executionCount": len(executions),
        "revision": 1,
        "createdAt": 1,
        "updatedAt": 1,
    } | fields


def test_equal_states_need_no_update() -> None:
    assert _difference(case("a"), case("a")) == {}


def test_bookkeeping_alone_needs_no_update() -> None:
    assert _difference(case("a"), case("a", revision=2, createdAt=2, updatedAt=2)) == {}


def test_executions_behind_all_others_are_pushed() -> None:
    assert _difference(case("a"), case("a", "b", "c")) == {
        "$set": {"executionCount": 3},
        "$push": {"executions": {"$each": [{"executionId": "b"}, {"executionId": "c"}]}},
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(("b",), ("a", "b"), id="one before"),
        pytest.param(("a", "c"), ("a", "b", "c"), id="one between"),
        pytest.param(("a",), ("b",), id="one changed"),
        pytest.param(("a", "b"), ("a",), id="one less"),
    ],
)
def test_executions_anywhere_else_are_set(before: tuple[str, ...], after: tuple[str, ...]) -> None:
    update = _difference(case(*before), case(*after))
    assert update.keys() == {"$set"}
    assert update["$set"]["executions"] == case(*after)["executions"]


def test_only_what_changed_is_set() -> None:
    assert _difference(case("a", compiler="x", user="u"), case("a", compiler="y", user="u")) == {
        "$set": {"compiler": "y"}
    }
