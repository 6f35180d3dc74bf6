"""The errors of the driver and of the server, translated into those of `models.errors`."""

from collections.abc import Iterator
from contextlib import contextmanager

import bson
from pymongo import errors

from models.errors import (
    AggregationError,
    DatabaseError,
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    DocumentTooLargeError,
    DuplicateError,
    WriteConflictError,
)
from models.settings import mask_password

# Codes of https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml, and older
# codes of the server that have no names.
_TOO_LARGE = {10334, 17419}
_TRANSACTION_TOO_LARGE = {290, 388}  # it exceeds the time limit of transactions; the cache
_TRANSACTION_TOO_LARGE_TEXT = "transaction is too large"
_TOO_MUCH_MEMORY = {146, 292, 4568, 40099}
_DUPLICATE = {11000, 11001}
_CONFLICT = {112}
_PASSING = {
    43,  # CursorNotFound
    91,  # ShutdownInProgress
    175,  # QueryPlanKilled
    189,  # PrimarySteppedDown
    237,  # CursorKilled
    246,  # SnapshotUnavailable
    10107,  # NotWritablePrimary
    11600,  # InterruptedAtShutdown
    11602,  # InterruptedDueToReplStateChange
    13435,  # NotPrimaryNoSecondaryOk
    13436,  # NotPrimaryOrSecondary
}
"""Faults of a server that stops, steps down or is just starting: the same command works later."""
_SERVER_FAULTS = {13, 18, 262, 11601, *_PASSING}


@contextmanager
def translate_errors(uri: str | None = None) -> Iterator[None]:
    """Raise the errors of the driver as DatabaseError; with `uri`, also those of a wrong URI."""
    try:
        yield
    except errors.BulkWriteError as error:
        raise _bulk_error(error) from error
    except errors.DuplicateKeyError as error:
        raise DuplicateError(str(error)) from error
    except (errors.DocumentTooLarge, errors.OperationFailure) as error:
        raise _failure(error) from error
    except (errors.ConfigurationError, errors.InvalidURI, ValueError) as error:
        if uri is None:
            raise
        shown = mask_password(uri)
        raise DatabaseError(f"CASELEDGER_MONGODB_URL {shown}: {error}") from error
    except (errors.NetworkTimeout, errors.WTimeoutError) as error:
        raise DatabaseTimeoutError(f"MongoDB took too long: {error}") from error
    except (errors.ConnectionFailure, errors.WaitQueueTimeoutError) as error:
        reason = str(error).partition(", Timeout:")[0].partition(" (configured timeouts")[0]
        raise DatabaseUnavailableError(f"MongoDB cannot be reached: {reason}") from error
    except errors.PyMongoError as error:
        raise DatabaseError(f"MongoDB: {error}") from error


def _bulk_error(error: errors.BulkWriteError) -> DatabaseError:
    """Return the error of the first write that failed."""
    failed = (error.details or {}).get("writeErrors") or [{}]
    code = failed[0].get("code")
    if code in _DUPLICATE:
        return DuplicateError(failed[0].get("errmsg", str(error)))
    first = errors.OperationFailure(failed[0].get("errmsg", str(error)), code)
    return _failure(first)


@contextmanager
def blame_pipeline() -> Iterator[None]:
    """Raise the errors for which a client's pipeline is to blame as AggregationError.

    The server has hundreds of codes for these, so the codes of its own failures are listed.
    """
    try:
        yield
    except bson.errors.InvalidBSON as error:
        raise AggregationError("a date is not in the years 1 to 9999") from error
    except errors.OperationFailure as error:
        if error.timeout or error.code in _SERVER_FAULTS or error.code in _TOO_LARGE:
            raise
        if error.code in _TOO_MUCH_MEMORY:
            raise DocumentTooLargeError("a pipeline gathers more than MongoDB can hold") from error
        message = str((error.details or {}).get("errmsg", "MongoDB cannot run it"))
        raise AggregationError(message.rpartition(" :: caused by :: ")[2]) from error


def _failure(error: Exception) -> DatabaseError:
    code = getattr(error, "code", None)
    is_transient = isinstance(error, errors.PyMongoError) and error.has_error_label(
        "TransientTransactionError"
    )
    if code in _CONFLICT or is_transient:
        return WriteConflictError(f"another writer changed the document: {error}")
    if isinstance(error, errors.DocumentTooLarge) or code in _TOO_LARGE:
        return DocumentTooLargeError("a document exceeds the 16 MiB that MongoDB stores")
    if code in _TRANSACTION_TOO_LARGE or _TRANSACTION_TOO_LARGE_TEXT in str(error):
        return DocumentTooLargeError("the write is larger than MongoDB allows in one transaction")
    if code in _PASSING:
        return DatabaseUnavailableError(f"MongoDB cannot answer at the moment: {error}")
    if isinstance(error, errors.ExecutionTimeout) or getattr(error, "timeout", False):
        return DatabaseTimeoutError(f"MongoDB took too long: {error}")
    return DatabaseError(f"MongoDB refused: {error}")
