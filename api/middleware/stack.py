"""The stack of middleware: the layers around the routes, and their order."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from api.http.errors import REQUEST_ID_HEADER
from api.http.urls import API_PREFIX
from api.middleware.access_log import log_exchange
from api.middleware.concurrency_limit import ConcurrencyLimitMiddleware
from api.middleware.exchange import ExchangeMiddleware
from api.middleware.request_id import RequestIdMiddleware
from api.middleware.security_headers import SecurityHeadersMiddleware
from api.middleware.server_errors import ServerErrorMiddleware
from api.middleware.slow_clients import SlowClientMiddleware
from models.settings import Settings, split_list

_PROBES = ("/metrics", "/livez", "/readyz", f"{API_PREFIX}/livez", f"{API_PREFIX}/readyz")
_ALLOWED_HEADERS = (
    "Authorization", "Content-Type", "If-Match", "If-None-Match", REQUEST_ID_HEADER,
)  # fmt: skip
_EXPOSED_HEADERS = (
    "ETag", "Link", "Location", "Retry-After", "WWW-Authenticate", REQUEST_ID_HEADER,
)  # fmt: skip


def add_middleware_stack(app: FastAPI, settings: Settings) -> None:
    """Add the layers, starting with the innermost; each sees the answers of those added before it.

        request -> RequestId -> Exchange -> SecurityHeaders -> CORS -> ServerError
                -> SlowClient -> ConcurrencyLimit -> layers added before -> routes

    So every answer, also a refusal or an error, has the request id and the security headers and is
    logged.
    """
    app.add_middleware(
        ConcurrencyLimitMiddleware, limit=settings.max_concurrent_requests, exempt=_PROBES
    )
    app.add_middleware(
        SlowClientMiddleware,
        seconds=settings.body_seconds,
        bytes_per_second=settings.body_bytes_per_second,
    )
    app.add_middleware(ServerErrorMiddleware)
    if origins := split_list(settings.cors_origins):
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=list(_ALLOWED_HEADERS),
            expose_headers=list(_EXPOSED_HEADERS),
        )
    app.add_middleware(SecurityHeadersMiddleware)
    listeners = [app.state.metrics.note, log_exchange]
    app.add_middleware(ExchangeMiddleware, listeners=listeners, prefix=API_PREFIX)
    app.add_middleware(RequestIdMiddleware)
