"""The errors of the server and of the driver: which pass, which are a lack of time or of space."""

from typing import Any

import pytest
from pymongo import errors

from models.database.errors import blame_pipeline, is_undone, translate_errors
from models.errors import (
    AggregationError,
    DatabaseError,
    DatabaseFullError,
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    WriteConflictError,
)
from tests.support.mongodb_errors import LASTING, PASSING

PASSING_CODES = sorted({(code, name) for names in PASSING.values() for code, name in names.items()})


def translated(error: Exception) -> DatabaseError:
    with pytest.raises(DatabaseError) as caught, translate_errors():
        raise error
    return caught.value


def blamed(error: Exception) -> DatabaseError:
    with pytest.raises(DatabaseError) as caught, translate_errors(), blame_pipeline():
        raise error
    return caught.value


def forms(code: int) -> list[errors.OperationFailure]:
    """An error of a command, of a write in a batch, and of the confirmation of writes."""
    fault = {"code": code, "errmsg": "it failed"}
    return [
        errors.OperationFailure("it failed", code),
        errors.BulkWriteError({"writeErrors": [fault]}),
        errors.BulkWriteError({"writeErrors": [], "writeConcernErrors": [fault]}),
        errors.WriteConcernError("it failed", code),
    ]


@pytest.mark.parametrize(("code", "name"), PASSING_CODES)
def test_what_the_server_calls_passing_is_unavailability(code: int, name: str) -> None:
    for error in forms(code):
        assert isinstance(translated(error), DatabaseUnavailableError)
    assert isinstance(blamed(errors.OperationFailure("x", code)), DatabaseUnavailableError)


@pytest.mark.parametrize(("code", "name"), LASTING.items())
def test_what_fails_each_time_is_not(code: int, name: str) -> None:
    for error in forms(code):
        assert type(translated(error)) is DatabaseError


@pytest.mark.parametrize(
    "error",
    [
        errors.AutoReconnect("connection closed"),
        errors.NotPrimaryError("not primary", {"code": 10107}),
        errors.ServerSelectionTimeoutError("no servers, Timeout: 5s"),
        errors.WaitQueueTimeoutError("no connection"),
        errors.ConnectionFailure("refused"),
        errors.CursorNotFound("gone", 43),
        errors.PyMongoError("x", ["RetryableWriteError"]),
        errors.PyMongoError("x", ["UnknownTransactionCommitResult"]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_faults_of_the_connection_are_unavailability(error: Exception) -> None:
    assert isinstance(translated(error), DatabaseUnavailableError)


@pytest.mark.parametrize(
    "label", ["RetryableWriteError", "UnknownTransactionCommitResult", "SystemOverloadedError"]
)
def test_a_label_tells_that_an_unknown_fault_passes(label: str) -> None:
    details = {"errorLabels": [label]}
    error = errors.OperationFailure("new", 999_999, details)
    assert isinstance(translated(error), DatabaseUnavailableError)
    assert isinstance(blamed(error), DatabaseUnavailableError)
    in_batch = errors.BulkWriteError({"writeErrors": [{"code": 999_999}], **details})
    assert isinstance(translated(in_batch), DatabaseUnavailableError)


def test_a_transaction_that_was_aborted_can_be_tried_again() -> None:
    details: dict[str, Any] = {"errorLabels": ["TransientTransactionError"]}
    with pytest.raises(WriteConflictError), translate_errors():
        raise errors.OperationFailure("aborted", 251, details)
    lost = errors.AutoReconnect("connection closed", details)
    with pytest.raises(DatabaseUnavailableError) as caught, translate_errors():
        raise lost
    assert is_undone(caught.value)
    with pytest.raises(DatabaseUnavailableError) as caught, translate_errors():
        raise errors.AutoReconnect("connection closed")
    assert not is_undone(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        errors.ExecutionTimeout("operation exceeded time limit", 50),
        errors.NetworkTimeout("timed out"),
        errors.WTimeoutError("waiting for replication timed out", 64),
        errors.BulkWriteError({"writeErrors": [{"code": 50, "errmsg": "x"}]}),
        errors.BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 64}]}),
        errors.BulkWriteError(
            {"writeErrors": [], "writeConcernErrors": [{"code": 1, "errInfo": {"wtimeout": True}}]}
        ),
    ],
)
def test_a_lack_of_time_is_a_timeout(error: Exception) -> None:
    assert isinstance(translated(error), DatabaseTimeoutError)


@pytest.mark.parametrize(
    "error",
    [
        *forms(14031),
        errors.OperationFailure("28: No space left on device", 8),
        errors.BulkWriteError({"writeErrors": [{"code": 8, "errmsg": "Disk quota exceeded"}]}),
    ],
)
def test_a_lack_of_space_is_said_in_words(error: Exception) -> None:
    fault = translated(error)
    assert isinstance(fault, DatabaseFullError)
    assert "free some space" in str(fault)


def test_a_fault_of_a_pipeline_is_blamed_on_it() -> None:
    assert isinstance(blamed(errors.OperationFailure("x", 16_020)), AggregationError)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.OperationFailure("no space", 14031), DatabaseFullError),
        (errors.OperationFailure("28: No space left on device", 8), DatabaseFullError),
        (errors.ExecutionTimeout("operation exceeded time limit", 50), DatabaseTimeoutError),
        (errors.OperationFailure("not allowed", 13), DatabaseError),
    ],
)
def test_a_fault_of_the_server_is_not_blamed_on_a_pipeline(
    error: Exception, kind: type[DatabaseError]
) -> None:
    assert type(blamed(error)) is kind


def test_a_wrong_configuration_is_a_database_error() -> None:
    assert type(translated(errors.ConfigurationError("no sessions"))) is DatabaseError
