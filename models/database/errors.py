"""The errors of the driver and of the server, translated into those of `models.errors`."""

from collections.abc import Iterator
from contextlib import contextmanager

import bson
from pymongo import errors

from models.database import error_codes as codes
from models.errors import (
    AggregationError,
    DatabaseError,
    DatabaseFullError,
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    DocumentTooLargeError,
    DuplicateError,
    WriteConflictError,
)
from models.settings import mask_password

_TRANSACTION_TOO_LARGE_TEXT = "transaction is too large"
_NO_SPACE_TEXTS = ("No space left on device", "Disk quota exceeded")
_UNDONE = "TransientTransactionError"
_PASSING_LABELS = (
    _UNDONE,
    "RetryableWriteError",
    "UnknownTransactionCommitResult",
    "RetryableError",
    "SystemOverloadedError",
)
_SERVER_FAULTS = codes.NO_ACCESS | codes.PASSING | codes.TOO_LARGE
_FULL = (
    "the disk of MongoDB is full: free some space on it, or move the data to a larger disk; then"
    " try again"
)


@contextmanager
def translate_errors(uri: str | None = None) -> Iterator[None]:
    """Raise the errors of the driver as DatabaseError; with `uri`, also those of a wrong URI."""
    try:
        yield
    except (errors.PyMongoError, errors.DocumentTooLarge) as error:
        raise _translated(error, uri) from error
    except ValueError as error:
        if uri is None:
            raise
        raise _wrong_uri(error, uri) from error


def _translated(error: Exception, uri: str | None) -> DatabaseError:
    match error:
        case errors.BulkWriteError():
            return _bulk_error(error)
        case errors.DuplicateKeyError():
            return DuplicateError(str(error))
        case errors.OperationFailure() | errors.DocumentTooLarge():
            return _failure(error)
        case errors.NetworkTimeout():
            return DatabaseTimeoutError(f"MongoDB took too long: {error}")
        case errors.ConnectionFailure():
            reason = str(error).partition(", Timeout:")[0].partition(" (configured timeouts")[0]
            return DatabaseUnavailableError(f"MongoDB cannot be reached: {reason}")
        case errors.ConfigurationError() if uri is not None:
            return _wrong_uri(error, uri)
        case errors.PyMongoError() if _has_passing_label(error):
            return DatabaseUnavailableError(f"MongoDB cannot answer at the moment: {error}")
    return DatabaseError(f"MongoDB: {error}")


def is_undone(error: DatabaseUnavailableError) -> bool:
    """Return whether the fault has ended a transaction of which nothing has been written."""
    cause = error.__cause__
    return isinstance(cause, errors.PyMongoError) and cause.has_error_label(_UNDONE)


def _wrong_uri(error: Exception, uri: str) -> DatabaseError:
    return DatabaseError(f"CASELEDGER_MONGODB_URL {mask_password(uri)}: {error}")


def _bulk_error(error: errors.BulkWriteError) -> DatabaseError:
    """Return the error of the first write that failed, or else of the writes' confirmation."""
    details = error.details or {}
    failed = (details.get("writeErrors") or details.get("writeConcernErrors") or [{}])[0]
    code, message = failed.get("code"), failed.get("errmsg", str(error))
    if code in codes.DUPLICATE:
        return DuplicateError(message)
    if error.timeout:
        return DatabaseTimeoutError(f"MongoDB took too long: {message}")
    labels = {"errorLabels": details.get("errorLabels", [])}
    return _failure(errors.OperationFailure(message, code, labels))


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
        is_fault = error.timeout or error.code in _SERVER_FAULTS or _is_full(error)
        if is_fault or _has_passing_label(error):
            raise
        if error.code in codes.TOO_MUCH_MEMORY:
            raise DocumentTooLargeError("a pipeline gathers more than MongoDB can hold") from error
        message = str((error.details or {}).get("errmsg", "MongoDB cannot run it"))
        raise AggregationError(message.rpartition(" :: caused by :: ")[2]) from error


def _failure(error: Exception) -> DatabaseError:
    code = getattr(error, "code", None)
    labels = error if isinstance(error, errors.PyMongoError) else errors.PyMongoError()
    if code in codes.CONFLICT or labels.has_error_label(_UNDONE):
        return WriteConflictError(f"another writer changed the document: {error}")
    if isinstance(error, errors.DocumentTooLarge) or code in codes.TOO_LARGE:
        return DocumentTooLargeError("a document exceeds the 16 MiB that MongoDB stores")
    if code in codes.TRANSACTION_TOO_LARGE or _TRANSACTION_TOO_LARGE_TEXT in str(error):
        return DocumentTooLargeError("the write is larger than MongoDB allows in one transaction")
    if _is_full(error):
        return DatabaseFullError(_FULL)
    if code in codes.TIMEOUT or labels.timeout:
        return DatabaseTimeoutError(f"MongoDB took too long: {error}")
    if code in codes.PASSING or _has_passing_label(labels):
        return DatabaseUnavailableError(f"MongoDB cannot answer at the moment: {error}")
    return DatabaseError(f"MongoDB refused: {error}")


def _is_full(error: Exception) -> bool:
    """Return whether the server has no space left; its storage engine says so only in words."""
    is_told = getattr(error, "code", None) in codes.NO_SPACE
    return is_told or any(text in str(error) for text in _NO_SPACE_TEXTS)


def _has_passing_label(error: errors.PyMongoError) -> bool:
    """Return whether the server or the driver says that the same operation may work later."""
    return any(error.has_error_label(label) for label in _PASSING_LABELS)
