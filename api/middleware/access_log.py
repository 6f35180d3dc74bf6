"""Logging: one line per request, and one format for all lines, on stderr."""

import json
import logging
from datetime import UTC, datetime
from typing import Any, Literal

from api.middleware.exchange import Exchange

Format = Literal["text", "json"]

_ACCESS = logging.getLogger("caseledger.access")
_EXCHANGE = "exchange"


def log_exchange(exchange: Exchange) -> None:
    """Log a request after its answer."""
    _ACCESS.info(
        "%s %s %d %.1f ms %d B",
        exchange.method,
        exchange.route,
        exchange.status,
        exchange.seconds * 1000,
        exchange.size,
        extra={"request_id": exchange.request_id, _EXCHANGE: exchange},
    )


def log_config(line_format: Format) -> dict[str, Any]:
    """Return the logging configuration of a server, as `logging.config.dictConfig` expects it.

    The server's own log of requests is omitted, because its lines contain query strings.
    """
    loggers = {
        name: {"handlers": ["stderr"], "level": "INFO", "propagate": False}
        for name in ("caseledger", "uvicorn")
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"()": TextFormatter},
            "json": {"()": JsonFormatter},
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stderr",
                "formatter": line_format,
            }
        },
        "loggers": loggers,
    }


class JsonFormatter(logging.Formatter):
    """A format with one JSON object per line, also for an error with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if request_id := getattr(record, "request_id", None):
            line["requestId"] = request_id
        exchange: Exchange | None = getattr(record, _EXCHANGE, None)
        line |= {"message": record.getMessage()} if exchange is None else _fields(exchange)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True, default=str)


class TextFormatter(logging.Formatter):
    """A format for people with one line per record; only tracebacks take more lines."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        parts = [_time(record), record.levelname, _one_line(record.getMessage())]
        if request_id := getattr(record, "request_id", None):
            parts.append(f"request={request_id}")
        exchange: Exchange | None = getattr(record, _EXCHANGE, None)
        if exchange is not None and exchange.token_id:
            parts.append(f"token={exchange.token_id}")
        if record.exc_info:
            parts.append(f"\n{self.formatException(record.exc_info)}")
        return " ".join(parts)


def _fields(exchange: Exchange) -> dict[str, Any]:
    return {
        "method": exchange.method,
        "route": exchange.route,
        "status": exchange.status,
        "durationMs": round(exchange.seconds * 1000, 3),
        "bytes": exchange.size,
        "tokenId": exchange.token_id,
    }


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
