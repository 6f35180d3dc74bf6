"""Logging: one line per request, and one format for all lines, on stderr."""

import logging
import logging.config
from typing import Any, Literal

from api.middleware.exchange import NO_ROUTE, Exchange, printable_path
from models.log_lines import JsonLineFormatter, log_time, log_what_is_not_caught, message_of

Format = Literal["text", "json"]

_ACCESS = logging.getLogger("caseledger.access")
_EXCHANGE = "exchange"


def log_exchange(exchange: Exchange) -> None:
    """Log a request after its answer."""
    _ACCESS.info(
        "%s %s %d %.1f ms %d B",
        exchange.method,
        exchange.route if exchange.route != NO_ROUTE else printable_path(exchange.path),
        exchange.status,
        exchange.seconds * 1000,
        exchange.size,
        extra={"request_id": exchange.request_id, _EXCHANGE: exchange},
    )


def begin_logging(line_format: Format) -> None:
    """Write all that this process and its libraries log to stderr, in this format."""
    logging.config.dictConfig(log_config(line_format))
    log_what_is_not_caught()


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
        "root": {"handlers": ["stderr"], "level": "WARNING"},
    }


class JsonFormatter(JsonLineFormatter):
    """A format with one JSON object per line, which says of a request what its fields are."""

    def content(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return what the record says."""
        exchange: Exchange | None = getattr(record, _EXCHANGE, None)
        return super().content(record) if exchange is None else _fields(exchange)


class TextFormatter(logging.Formatter):
    """A format for people with one line per record; only tracebacks take more lines."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        parts = [log_time(record), record.levelname, _one_line(message_of(record))]
        if request_id := getattr(record, "request_id", None):
            parts.append(f"request={request_id}")
        exchange: Exchange | None = getattr(record, _EXCHANGE, None)
        if exchange is not None and exchange.token_id:
            parts.append(f"token={exchange.token_id}")
        if record.exc_info:
            parts.append(f"\n{self.formatException(record.exc_info)}")
        return " ".join(parts)


def _fields(exchange: Exchange) -> dict[str, Any]:
    has_route = exchange.route != NO_ROUTE
    return {
        "method": exchange.method,
        "route": exchange.route,
        **({} if has_route else {"path": printable_path(exchange.path)}),
        "status": exchange.status,
        "durationMs": round(exchange.seconds * 1000, 3),
        "bytes": exchange.size,
        "tokenId": exchange.token_id,
    }


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
