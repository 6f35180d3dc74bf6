"""Log lines as JSON: one object a line, whoever writes it and whatever happens.

Libraries log, the interpreter warns, and errors that nobody catches end threads and processes. The
hooks here make a record of each of these, so that every line on stderr has one form. Worker
processes do the same when the process that started them does.
"""

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

_UNCAUGHT = logging.getLogger("caseledger.uncaught")


class JsonLineFormatter(logging.Formatter):
    """A format with one JSON object per line, also for an error with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        line: dict[str, Any] = {
            "time": log_time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if request_id := getattr(record, "request_id", None):
            line["requestId"] = request_id
        line |= self.content(record)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = record.stack_info
        return json.dumps(line, ensure_ascii=True, default=str)

    def content(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return what the record says."""
        return {"message": message_of(record)}


def message_of(record: logging.LogRecord) -> str:
    """Return the message of a record, also when its arguments do not fit its text."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return str(record.msg)


def log_time(record: logging.LogRecord) -> str:
    """Return the time of a record in ISO form."""
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def is_logging_json() -> bool:
    """Return whether the lines of this process are JSON."""
    handlers = logging.getLogger().handlers
    return any(isinstance(handler.formatter, JsonLineFormatter) for handler in handlers)


def log_as_json() -> None:
    """Write all that this process logs to stderr as lines of JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLineFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    log_what_is_not_caught()


def log_what_is_not_caught() -> None:
    """Log warnings, and the errors that end the process, a thread or a finalizer."""
    logging.captureWarnings(True)
    sys.excepthook = _log_error
    threading.excepthook = _log_thread_error
    sys.unraisablehook = _log_unraisable


def _log_error(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    _UNCAUGHT.critical("the process ends with an error", exc_info=(kind, error, trace))


def _log_thread_error(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None or args.exc_type is SystemExit:
        return
    name = args.thread.name if args.thread is not None else "unknown"
    error = (args.exc_type, args.exc_value, args.exc_traceback)
    _UNCAUGHT.error("the thread %s ends with an error", name, exc_info=error)


def _log_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    text = unraisable.err_msg or "an error was ignored"
    error = unraisable.exc_value
    trace = (unraisable.exc_type, error, unraisable.exc_traceback) if error is not None else None
    _UNCAUGHT.error("%s: %s", text, _described(unraisable.object), exc_info=trace)


def _described(value: object) -> str:
    try:
        return repr(value)[:200]
    except Exception:  # the object may be half gone
        return f"a {type(value).__name__}"
