"""What need not be read again."""

from typing import Any

import pytest

from ingest.cases.inventory import FileEntry
from ingest.cases.recorded import RecordedExecutions
from ingest.cases.sources.base import ExecutionDirectory
from models.version import READER_VERSION
from tests.support.executions import KEY, LID, location

ENTRIES = (FileEntry("CaseStatus", 5),)
PATH = f"/b/chrysalis/performance_archive/jdoe/{KEY.name}/{LID}"


def found(
    path: str = PATH, entries: tuple[FileEntry, ...] = ENTRIES, **place: Any
) -> ExecutionDirectory:
    return ExecutionDirectory(path, location(**place), entries)


def known(**fields: Any) -> RecordedExecutions:
    recorded = {
        "complete": True,
        "fingerprint": found().fingerprint,
        "foundAt": [PATH],
        "schedulerState": None,
        "hasConfiguration": True,
        "unreadFiles": [],
        "fileCount": 1,
        "filesModified": 0,
        "reader": READER_VERSION,
    }
    lid = fields.pop("executionId", LID)
    return RecordedExecutions([{"executionId": lid, "recorded": recorded | fields}])


@pytest.mark.parametrize(
    ("recorded", "directory"),
    [
        pytest.param({}, found(), id="the same"),
        pytest.param({"fingerprint": "x"}, found(), id="whole, and no more files"),
        pytest.param({"complete": False, "filesModified": 7}, found(), id="incomplete, and older"),
        pytest.param({"complete": False}, found(), id="incomplete with the same files"),
        pytest.param({}, found(is_anchored=False), id="at its path, though it tells nothing"),
        pytest.param({}, found(machine=None), id="at its path, though no machine is told"),
        pytest.param({"schedulerState": "FAILED"}, found(state="RUNNING"), id="ended since"),
        pytest.param({"schedulerState": "TIMEOUT"}, found(state="UNKNOWN"), id="a state for none"),
        pytest.param({"schedulerState": "UNKNOWN"}, found(), id="no state"),
    ],
)
def test_a_directory_that_teaches_nothing_is_passed_over(
    recorded: dict[str, Any], directory: ExecutionDirectory
) -> None:
    assert known(**recorded).is_unchanged(directory)


@pytest.mark.parametrize(
    ("recorded", "directory"),
    [
        pytest.param({"executionId": "1.250101-000000"}, found(), id="another LID"),
        pytest.param({"reader": READER_VERSION - 1}, found(), id="read by an earlier version"),
        pytest.param(
            {"complete": False}, found(entries=(FileEntry("CaseStatus", 6),)), id="other size"
        ),
        pytest.param({"complete": False}, found(entries=()), id="other files"),
        pytest.param({"foundAt": ["/c"]}, found(), id="at another place"),
        pytest.param({}, found(state="TIMEOUT"), id="whole, but a state that is new"),
        pytest.param({"schedulerState": "RUNNING"}, found(state="FAILED"), id="an end"),
        pytest.param({"schedulerState": "UNKNOWN"}, found(state="TIMEOUT"), id="a state at last"),
        pytest.param({"filesModified": 9}, found(), id="whole, but an older copy"),
        pytest.param({"fingerprint": "x", "fileCount": 0}, found(), id="more files"),
        pytest.param({"hasConfiguration": False, "fingerprint": "x"}, found(), id="damaged before"),
        pytest.param(
            {"unreadFiles": ["atm_in"], "fingerprint": "x"}, found(), id="damaged in part"
        ),
        pytest.param(
            {"complete": False},
            found(entries=(FileEntry("CaseStatus", 5, modified=9),)),
            id="incomplete, and modified since",
        ),
        pytest.param({"complete": False}, found(state="TIMEOUT"), id="a state that is new"),
    ],
)
def test_a_directory_that_may_teach_something_is_read(
    recorded: dict[str, Any], directory: ExecutionDirectory
) -> None:
    assert not known(**recorded).is_unchanged(directory)


def test_where_nothing_is_known_everything_is_read() -> None:
    assert not RecordedExecutions([]).is_unchanged(found())


def test_one_lid_may_belong_to_several_cases() -> None:
    recorded = {
        "complete": True, "fingerprint": found().fingerprint, "schedulerState": None,
        "hasConfiguration": True, "unreadFiles": [], "fileCount": 1, "filesModified": 0,
        "reader": READER_VERSION,
    }  # fmt: skip
    executions = RecordedExecutions(
        {"executionId": LID, "recorded": recorded | {"foundAt": [path]}} for path in ("/a", PATH)
    )
    assert executions.is_unchanged(found())
    assert executions.is_unchanged(found("/a"))
    assert not executions.is_unchanged(found("/b"))
